"""The scanner in C takes the records that leave no question open, and gives the others back."""

from __future__ import annotations

import json
import os
import random

import numpy as np
import pyarrow as pa
import pytest

from monitor.decoders import scanning
from monitor.decoders.json import JsonDecoder
from monitor.decoders.plan import DecodePlan
from monitor.decoders.scanning import scanner_of
from monitor.native import LIBRARY
from tests.support.decoding import cells, fetch_of

FIELDS = {"a": "number", "b": "boolean", "c": "category", "m.t": "text", "m.n": "number", "é": "text"}


def scanner(fields=FIELDS):
    if LIBRARY is None:
        pytest.skip("monitor/native/scan.c was not compiled here")
    return scanner_of(fields, 4)


def scan(records, sampled=None):
    values = pa.array(records, pa.binary())
    return scanner().scan(values, np.zeros(len(records), bool) if sampled is None else sampled)


def odd(*records):
    return scan(list(records)).odd.tolist()


def test_fields_are_read_wherever_they_stand():
    found = scan([b'{"a":1.5,"b":true,"c":"x","m":{"t":"y","n":-2e3}}', b' {"m":{"n":7},"c":"z"}\n']).columns
    assert {path: cells(column) for path, column in found.items()} == {
        "a": [1.5, "ABSENT"],
        "b": ["true", "ABSENT"],
        "c": ["x", "z"],
        "m.t": ["y", "ABSENT"],
        "m.n": [-2000.0, 7.0],
        "é": ["ABSENT", "ABSENT"],
    }


def test_nulls_and_wrong_types_are_told_apart_without_a_second_look():
    records = [b'{"a":null,"b":1,"c":{},"m":[]}', b'{"a":"1","b":null,"c":true,"m":null}', b'{"a":[1,{}],"b":"true"}']
    found = scan(records)
    assert found.odd.tolist() == [True, False, False]
    assert cells(found.columns["a"]) == ["WRONG_TYPE", "WRONG_TYPE"]
    assert cells(found.columns["b"]) == ["NULL", "WRONG_TYPE"]
    assert cells(found.columns["c"]) == ["WRONG_TYPE", "ABSENT"]
    assert cells(found.columns["m.t"]) == ["ABSENT", "ABSENT"]


def test_bytes_that_are_no_utf8_make_all_records_odd_that_are_not_ascii():
    assert odd(b'{"c":"x"}', '{"c":"é"}'.encode(), b'{"c":"\xff"}') == [False, True, True]


@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"{", b"}", b"[]", b"1", b"\xef\xbb\xbf{}", b'{"a":1', b'{"a":1}}', b'{"a":1} x', b'{"a" 1}', b'{"a":}'),
        *(b'{"a":1,}', b'{,"a":1}', b'{"x":[1,]}', b'{"x":[,1]}', b'{"x":[1 2]}', b'{"x":{"y"}}', b"{a:1}", b"{'a':1}"),
        *(b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":-}', b'{"a":1e+}', b'{"a":0x1}'),
        *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":nul}', b'{"a":True}', b'{"a":truE}', b'{"a":nullx}', b'{"a":1e400}'),
        *(b'{"c":"\n"}', b'{"c":"\x00"}', b'{"c":"\\x"}', b'{"c":"\\u12g4"}', b'{"c":"\\ud800"}', b'{"c":"\\udc00"}'),
        *(b'{"c":"\\ud800\\u0041"}', b'{"c":"\\', b'{"c":"\\u12', b'{"c":"x', b'{"c":"\xff"}', b'{"c":"\xed\xa0\x80"}'),
        *(
            b'{"a":1,"a":1}',
            b'{"m":{},"m":{}}',
            b'{"\\u0061":1}',
            b'{"x\\n":1}',
            b'{"x":[[[[1]]]]}',
            b'{"m":[{"t":"x"}]}',
        ),
        *(
            b"{}\x00",
            b"\x00{}",
            b'{"x":"\\\x00"}',
            b'{"a":1}{"a":1}',
            b'{"x":-}',
            b'{"x":tru',
            b'{"a":' + b"1" * 65 + b"}",
        ),
    ],
)
def test_what_raises_a_question_is_given_back(record):
    assert odd(b'{"a":1}', record, b'{"a":2}') == [False, True, False]


def test_escapes_in_texts_mean_what_json_says():
    texts = [
        '"',
        "\\",
        "/",
        "\b\f\n\r\t",
        "\x00\x1f",
        "é",
        "\u07ff\u0800",
        "\uffff",
        "\U00010000\U0010ffff",
        'a\\"z' * 9,
    ]
    for ascii_only in (True, False):
        records = [
            json.dumps({"c": text, "é": text}, ensure_ascii=ascii_only).replace("\\u00e9", "é") for text in texts
        ]
        found = scan([record.encode() for record in records])
        assert not found.odd.any()
        assert cells(found.columns["c"]) == texts
        assert cells(found.columns["é"]) == texts
    assert cells(scan([rb'{"c":"\/\u00E9\uD83D\uDE00"}']).columns["c"]) == ["/é😀"]


def test_numbers_are_the_nearest_float64():
    rng = random.Random(1)
    texts = [
        "0",
        "-0",
        "-0.0",
        "5e-324",
        "2.2250738585072011e-308",
        "1e22",
        "1e23",
        "9007199254740993",
        "1E-22",
        "1e-400",
    ]
    texts += ["0." + "0" * 30 + "1", "1" * 25, "123456789012345678.9", "1234567890123456789", "1.7976931348623157e308"]
    texts += [repr(rng.uniform(-1, 1) * 10 ** rng.randint(-30, 30)) for _ in range(2000)]
    texts += [f"{rng.randint(0, 10**18)}e{rng.randint(-40, 40)}" for _ in range(2000)]
    found = scan([f'{{"a":{text}}}'.encode() for text in texts])
    assert not found.odd.any()
    assert found.columns["a"].values.tolist() == [float(text) for text in texts]


def test_names_that_nobody_asks_for_are_reported_of_sampled_records_that_are_read():
    records = [b'{"x":1,"a":1,"yy":{"z":1}}', b'{"x":1}', b'{"w":"\n"}', b'{"v":1', b'{"m":{"u":1},"\xc3\xa4":0}']
    found = scan(records, np.array([True, False, True, True, True]))
    assert found.strangers.to_pylist() == ["x", "yy", "ä"]
    assert found.stranger_rows.tolist() == [0, 0, 4]


def test_too_many_strange_names_are_for_the_other_decoder(monkeypatch):
    monkeypatch.setattr(scanning, "_MAX_STRANGERS", 3)
    records = [b'{"x":1,"y":1}', b'{"x":1,"y":1}', b'{"a":1}']
    found = scan(records, np.ones(3, bool))
    assert found.odd.tolist() == [False, True, False]
    assert found.stranger_rows.tolist() == [0, 0]


def test_a_slice_of_an_array_is_read_as_if_it_were_alone():
    values = pa.array([b'{"c":"no"}', b'{"c":"yes"}', b"{", b'{"c":"\\u0079es"}', b'{"c":"no"}'], pa.binary())
    found = scanner().scan(values.slice(1, 3), np.zeros(3, bool))
    assert found.odd.tolist() == [False, True, False]
    assert cells(found.columns["c"]) == ["yes", "yes"]


def test_nothing_is_read_behind_the_end_of_a_record():
    whole = b'{"a":1.5e1,"b":false,"c":"x\\u00e9\\ud83d\\ude00","m":{"t":"y","n":-2},"q":[null,{"r":"s"}]}'
    for cut in range(len(whole)):
        values = pa.array([whole[:cut], whole[cut:]], pa.binary())
        assert scanner().scan(values, np.ones(2, bool)).odd.tolist() == [True, cut > 0]


def test_many_names_in_any_order_are_found():
    names = [f"feature_{i}" for i in range(300)]
    fields = dict.fromkeys(names, "number")
    rng = random.Random(2)
    records = []
    for row in range(20):
        rng.shuffle(names)
        records.append(json.dumps({name: int(name[8:]) + row for name in names if rng.random() < 0.9}).encode())
    found = scanner(fields).scan(pa.array(records, pa.binary()), np.zeros(20, bool))
    for name in names:
        documents = (json.loads(record) for record in records)
        assert cells(found.columns[name]) == [document.get(name, "ABSENT") for document in documents]


def test_odd_records_keep_their_place_among_the_others():
    records = [b'{"a":1}', b'{"a":NaN}', b"{", b'{"\\u0061":4}', None, b'{"a":6}', b"[]", b'{"a":8,"a":9}']
    decoded = JsonDecoder(DecodePlan(FIELDS)).decode(fetch_of(records))
    assert decoded.batch.offsets.tolist() == [0, 1, 3, 5, 7]
    assert cells(decoded.batch.columns["a"]) == [1.0, "NAN", 4.0, 6.0, 8.0]
    assert decoded.rejects.index.tolist() == [2, 6]
    assert list(decoded.rejects.reasons) == ["malformed", "not_object"]
    assert decoded.filtered == 1


def test_where_ci_runs_the_scanner_is_built():
    assert LIBRARY is not None or "CI" not in os.environ
