"""Formats: texts that are of each, and near misses that are not."""

from __future__ import annotations

from typing import get_args

import pyarrow as pa
import pytest

from monitor.checks import FormatSpec
from monitor.checks.codes import COUNTRIES, CURRENCIES, IBAN_LENGTHS
from monitor.checks.digits import byte_matrix
from monitor.checks.format import Format
from tests.support.checks import batch, failing

LABEL = "a" * 63
GOOD = {
    "card": "4111111111111111 5500005555555559 340000000000009 6011000000000004 630495060000000000 0000000000000000",
    "country": "DE US GB XX".replace(" XX", ""),
    "currency": "EUR USD CHE XAU XTS ZWG",
    "e164": "+4915112345678 +14155550100 +2901234 +123456789012345",
    "email": f"a@b.de first.last+tag@sub.example.co.uk o'neil_%x@x-y.org 1@2.museum {'l' * 64}@b.de",
    "hostname": f"localhost example.com a-b.example 1a.2b xn--mnchen-3ya.de {LABEL}.de 3com.com a",
    "iban": "DE89370400440532013000 GB29NWBK60161331926819 NO9386011117947 MT84MALT011000012345MTLCAST001S",
    "ip": "1.2.3.4 ::1 ::ffff:1.2.3.4",
    "ipv4": "0.0.0.0 255.255.255.255 10.1.99.200",
    "ipv6": ":: ::1 1:: 1:2:3:4:5:6:7:8 1::8 fe80::1:2 ::ffff:1.2.3.4 1:2:3:4:5:6:1.2.3.4 1:2:3:4:5:6:7:: ABCD:ef01::",
    "iso_date": "2024-02-29 2000-02-29 0001-01-01 9999-12-31 2023-04-30",
    "iso_datetime": "2024-02-29T23:59:59Z 2024-01-01T00:00 2024-01-01t00:00:00.123456789z 2024-01-01T10:00:00+05:30",
    "semver": "0.0.0 1.2.3 1.0.0-alpha 1.0.0-alpha.1+build.5 1.0.0-0A.is.legal 1.0.0+001 1.0.0--- 99999999999999.0.0",
    "url": "http://a.de https://user:pw@a.de:8443/x/y;z?q=1&r=%20#frag ftp://[::1]/ s3://bucket/key http://1.2.3.4:80 "
    "http://localhost? https://a.de:/ https://a.de/@/@b "
    f"https://u:p@{LABEL}.de/{'x' * 90} http://a.de/1 http://a1b.de:1/{'y' * 99}1 http://a1.b2/ s3://{'x' * 10}",
    "uuid": "00000000-0000-0000-0000-000000000000 6F1C2A3E-1234-4abc-8def-0123456789ab",
}
BAD = {
    "card": "4111111111111112 411111111111 41111111111111111111 4111-1111-1111-1111 ٤١١١١١١١١١١١١١١١ x",
    "country": "de EU UK XK DEU D \u00c4\u00d6",
    "currency": "eur EURO HRK DEM $ BTC",
    "e164": "4915112345678 +0123456789 +12345 +1234567890123456 +49-151 ++491511234567 +49151١٢٣٤",
    "email": f"a@b a.de @b.de a@ a@@b.de .a@b.de a.@b.de a..b@b.de a@-b.de a@b-.de a@b..de a@b.1 ü@b.de "
    f'{"l" * 65}@b.de a@{"b" * 63}.{"b" * 63}.{"b" * 63}.{"b" * 63}.de a@[1.2.3.4] "a"@b.de a@1.2.3.4',
    "hostname": f"-a a- a..b .a a. a_b {'a' * 64} 1.2.3.4 123 a.1 ä.de {'.'.join([LABEL] * 4)}",
    "iban": "DE88370400440532013000 DE8937040044053201300 de89370400440532013000 XX89370400440532013000 "
    "GB29-NWBK-6016 DE89370400440532013000X",
    "ip": "1.2.3 1.2.3.256 :1 localhost",
    "ipv4": "1.2.3 1.2.3.4.5 256.1.1.1 01.2.3.4 1.2.3.4/24 1.2.3.-4 ١.2.3.4",
    "ipv6": ": ::: 1 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1::2::3 12345:: g:: ::1.2.3 fe80::1%eth0 [::1] 1:2:3:4:5:6:7::8:9 "
    "1:2:3:4:5:6:7:1.2.3.4",
    "iso_date": "2023-02-29 1900-02-29 2024-13-01 2024-00-10 2024-01-00 2024-04-31 0000-01-01 20240101 2024-1-1 "
    "24-01-01 2024-01-01T 2024/01/01 ٢٠٢٤-01-01",
    "iso_datetime": "2024-02-30T00:00:00Z 2024-01-01 2024-01-01T24:00:00Z 2024-01-01T23:60:00Z 2024-01-01T23:59:60Z "
    "2024-01-01T00 2024-01-01T00:00:00.Z 2024-01-01T00:00:00.1234567890Z 2024-01-01T00:00:00+24:00 "
    "2024-01-01T00:00+0530",
    "semver": "1 1.2 v1.2.3 01.2.3 1.2.3-01 1.2.3- 1.2.3+ 1.2.3-a..b 1.2.3.4 1.2.3+a+b 1.2.3-ä",
    "url": "a.de http:/a.de http:// http://a.de:99999 http://a.de:65536 http://-a.de http://a_b.de http://a.de/%zz "
    "http://256.1.1.1 http://[1]/ http://a.de/ä mailto:a@b.de //a.de http://a.de/|x http://a@b@c.de :// http://?x "
    f"http://{'a' * 64}.de/ http://u@{'.'.join([LABEL] * 4)}/ http://1.2.3/ http://a.1/?q http://1.2.3.400:80#x "
    f"https://{'a' * 64}/{'y' * 99}",
    "uuid": "6f1c2a3e12344abc8def0123456789ab 6f1c2a3e-1234-4abc-8def-0123456789a "
    "{6f1c2a3e-1234-4abc-8def-0123456789ab} "
    "6f1c2a3g-1234-4abc-8def-0123456789ab",
}


def accepted(name, texts):
    failed, evaluated = failing(FormatSpec(field="x", format=name), batch(x=pa.array(texts, pa.string())))
    assert all(evaluated)
    return [text for text, bad in zip(texts, failed, strict=True) if not bad]


def test_every_format_has_good_and_bad_texts():
    assert set(GOOD) == set(BAD) == set(get_args(Format))


@pytest.mark.parametrize("name", get_args(Format))
def test_texts_of_a_format_are_accepted(name):
    assert accepted(name, GOOD[name].split(" ")) == GOOD[name].split(" ")


@pytest.mark.parametrize("name", get_args(Format))
def test_near_misses_are_not_accepted(name):
    assert accepted(name, [*BAD[name].split(" "), "", " "]) == []


@pytest.mark.parametrize("name", get_args(Format))
def test_nothing_is_trimmed(name):
    texts = [
        around.format(text) for text in GOOD[name].split(" ") for around in (" {}", "{} ", "{}\n", "\n{}", "{}\x00")
    ]
    assert accepted(name, texts) == []


def test_a_space_may_stand_between_date_and_time():
    assert accepted("iso_datetime", ["2024-01-01 00:00:00", "2024-01-01  00:00:00"]) == ["2024-01-01 00:00:00"]


def test_the_code_lists_are_of_the_size_of_their_standards():
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isalpha() and code.isupper() for code in COUNTRIES)
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in CURRENCIES)
    assert {"EUR", "XCG", "ZWG"} <= CURRENCIES
    assert not {"HRK", "SLL", "DEM"} & CURRENCIES
    assert set(IBAN_LENGTHS) - COUNTRIES == {"XK"}
    assert min(IBAN_LENGTHS.values()) == 15
    assert max(IBAN_LENGTHS.values()) == 33


def test_the_bytes_of_a_slice_are_those_of_its_texts():
    texts = pa.array(["before", "ab", "", "é", "abcd", "after"])[1:5]
    assert byte_matrix(texts, 3).T.tolist() == [[97, 98, 0], [0, 0, 0], [0xC3, 0xA9, 0], [97, 98, 99]]
    assert byte_matrix(pa.array(["xx", "abc", "def", "yyy"])[1:3], 2).T.tolist() == [[97, 98], [100, 101]]
    assert byte_matrix(pa.array([], pa.string()), 3).shape == (3, 0)
    assert byte_matrix(pa.array(["", ""]), 2).T.tolist() == [[0, 0], [0, 0]]
