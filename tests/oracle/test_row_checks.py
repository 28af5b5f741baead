"""Row checks against DuckDB's SQL, or plain Python where SQL has no word for it, on generated columns."""

from __future__ import annotations

import ipaddress
import json
import random
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from monitor.checks import (
    AllowedSpec,
    CompareSpec,
    EmptySpec,
    FormatSpec,
    LengthSpec,
    MissingSpec,
    NullableSpec,
    NumericTextSpec,
    PlaceholderSpec,
    RangeSpec,
    ReferentialSpec,
    RegexSpec,
    RequiredSpec,
    SqlSpec,
    TypeSpec,
    row_checks,
)
from monitor.checks.codes import COUNTRIES, CURRENCIES, IBAN_LENGTHS
from monitor.types import Batch, Column, Presence
from tests.support.checks import KNOWN_VALUES, batch, failing, kinds

ROWS = 4_000
WORDS = [
    "", " ", "\t", "\u00a0", "a", "B", "abc", "Abc", "é", "日本", "N/A", "n/a ", "NULL", "-", "unknown",
    "-999", "9999", "12", "-3.5", "1e6", "007", " 7 ", "1970-01-01", "1900-01-01T00:00:00Z",
    "2024-05-06", "x\ny",
]  # fmt: skip


@cache
def rows() -> Batch:
    """Return rows of two fields of each sort with every presence, the values of unusable rows being misleading."""
    rng = np.random.default_rng(20)
    shares = [0.7, 0.1, 0.1, 0.04, 0.02, 0.02, 0.02]

    def presence() -> Any:
        return rng.choice(len(Presence), ROWS, p=shares).astype(np.uint8)

    def numbers() -> Column:
        return Column(rng.choice([0.0, 1.0, -1.0, 2.5, -999.0, 9999.0, 1e300, 5e-324], ROWS), presence())

    def words(choices: list[str]) -> Column:
        return Column(pa.array(rng.choice(np.array(choices, object), ROWS).tolist(), pa.string()), presence())

    flags = ["true", "false"]
    return batch(a=numbers(), b=numbers(), s=words(WORDS), t=words(WORDS), f=words(flags), g=words(flags))


FIELDS = {"a": "number", "b": "number", "s": "text", "t": "text", "f": "boolean", "g": "boolean"}
NUMBER = r"^\s*[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
TEXT_PLACEHOLDERS = "('n/a', 'null', '-', 'unknown', '-999', '9999', '1970-01-01', '1900-01-01t00:00:00z')"
KNOWN = f"(SELECT {{}} FROM read_csv('{KNOWN_VALUES}', types = {{{{'number': 'DOUBLE', 'name': 'VARCHAR'}}}}))"  # noqa: S608
USED = "p{0} = 0"
SQL: list[tuple[Any, str, str]] = [  # the check, which rows it evaluates and which of them fail, in DuckDB's SQL
    (RequiredSpec(field="s"), "true", "ps = 1"),
    (NullableSpec(field="s"), "ps <> 1", "ps = 2"),
    (MissingSpec(field="s"), "true", "ps IN (1, 2)"),
    (TypeSpec(field="a"), "pa NOT IN (1, 2)", "pa >= 3"),
    (RangeSpec(field="a", min=-1, max=2.5), "pa = 0", "a NOT BETWEEN -1 AND 2.5"),
    (AllowedSpec(field="s", values=("a", "abc", "日本")), "ps = 0", "s NOT IN ('a', 'abc', '日本')"),
    (AllowedSpec(field="a", values=(0, 2.5)), "pa = 0", "a NOT IN (0, 2.5)"),
    (AllowedSpec(field="s", file=str(KNOWN_VALUES), column="name"), "ps = 0", f"s NOT IN {KNOWN.format('name')}"),
    (AllowedSpec(field="a", file=str(KNOWN_VALUES), column="number"), "pa = 0", f"a NOT IN {KNOWN.format('number')}"),
    (ReferentialSpec(field="s", file=str(KNOWN_VALUES), column="name"), "ps = 0", f"s NOT IN {KNOWN.format('name')}"),
    (
        ReferentialSpec(field="a", file=str(KNOWN_VALUES), column="number"),
        "pa = 0",
        f"a NOT IN {KNOWN.format('number')}",
    ),
    (EmptySpec(field="s"), "ps = 0", "regexp_full_match(s, '[\\s\u00a0]*')"),
    (PlaceholderSpec(field="s"), "ps = 0", f"lower(trim(s)) IN {TEXT_PLACEHOLDERS}"),
    (PlaceholderSpec(field="a"), "pa = 0", "a IN (-999, 9999)"),
    (RegexSpec(field="s", pattern="[a-c]+|x.y"), "ps = 0", "NOT regexp_full_match(s, '[a-c]+|x.y')"),
    (RegexSpec(field="s", pattern="[A-C]+", ignore_case=True), "ps = 0", "NOT regexp_full_match(s, '[A-C]+', 'i')"),
    (FormatSpec(field="s", format="iso_date"), "ps = 0", "NOT (TRY_CAST(s AS DATE) IS NOT NULL AND length(s) = 10)"),
    (LengthSpec(field="s", min=1, max=2), "ps = 0", "length(s) NOT BETWEEN 1 AND 2"),
    (NumericTextSpec(field="s"), "ps = 0", "TRY_CAST(s AS DOUBLE) IS NOT NULL AND s <> '007'"),
    (CompareSpec(field="a", op="<=", other="b"), "pa = 0 AND pb = 0", "a > b"),
    (CompareSpec(field="a", op="!=", value=1), "pa = 0", "a = 1"),
    (CompareSpec(field="s", op=">", other="t"), "ps = 0 AND pt = 0", "s <= t"),
    (CompareSpec(field="s", op="<", value="a"), "ps = 0", "s >= 'a'"),
    (CompareSpec(field="f", op="=", other="g"), "pf = 0 AND pg = 0", "f <> g"),
]


@cache
def table() -> duckdb.DuckDBPyConnection:
    """Return a connection with the rows and their presences (`ps` of `s`, and so on) as a table."""
    connection = duckdb.connect()
    columns = rows().columns.items()
    values = {name: column.values for name, column in columns} | {
        f"p{name}": column.presence for name, column in columns
    }
    connection.register("given", pa.table(values))
    return connection


@pytest.mark.parametrize(("spec", "evaluated", "failed"), SQL, ids=lambda part: getattr(part, "kind", "_"))
def test_a_check_says_what_sql_says(spec, evaluated, failed):
    got = failing(spec, rows(), FIELDS)
    query = f"SELECT coalesce(({evaluated}) AND ({failed}), false), {evaluated} FROM given"  # noqa: S608
    wanted = table().execute(query).fetchall()
    assert got[0] == [row[0] for row in wanted]
    assert got[1] == [row[1] for row in wanted]
    assert 0 < sum(got[0]) < sum(got[1])


ELSEWHERE = ("freshness", "outliers", "text", "time_unit", "time_zone")
"""The kinds whose oracles are in test_time_checks.py and others of this directory."""


def test_every_kind_has_an_oracle():
    assert {spec.kind for spec, _, _ in SQL} | {"sql"} | set(ELSEWHERE) == set(kinds())


def _both(left: bool | None, right: bool | None) -> bool | None:
    """Return AND of SQL's three values."""
    return False if left is False or right is False else None if left is None or right is None else True


def _either(left: bool | None, right: bool | None) -> bool | None:
    """Return OR of SQL's three values."""
    return True if left is True or right is True else None if left is None or right is None else False


def _when(condition: Callable[..., bool], *values: Any) -> bool | None:
    """Return a condition of values, null when one of them is."""
    return None if any(value is None for value in values) else condition(*values)


EXPRESSIONS: list[tuple[str, Callable[[dict[str, Any]], bool | None]]] = [
    ("a >= 0 OR f", lambda r: _either(_when(lambda a: a >= 0, r["a"]), r["f"])),
    ("a > b AND NOT g", lambda r: _both(_when(lambda a, b: a > b, r["a"], r["b"]), _when(lambda g: not g, r["g"]))),
    ("a IS NULL OR s IS NOT NULL", lambda r: r["a"] is None or r["s"] is not None),
    ("length(s) < 3", lambda r: _when(lambda s: len(s) < 3, r["s"])),
    ("s::DOUBLE > 0", lambda r: _when(lambda s: float(s) > 0 if re.match(NUMBER, s) or s == "007" else None, r["s"])),
    (
        "s IN ('a', 'abc', t)",
        lambda r: _either(_when(lambda s: s in ("a", "abc"), r["s"]), _when(str.__eq__, r["s"], r["t"])),
    ),
    ("CASE WHEN f THEN a < 0 ELSE b < 0 END", lambda r: _when(lambda x: x < 0, r["a"] if r["f"] else r["b"])),
    ("coalesce(a, b) <> 1", lambda r: _when(lambda x: x != 1, r["b"] if r["a"] is None else r["a"])),
]


def test_sql_says_what_three_valued_logic_says():
    """All in one query, as the engine asks them."""
    checks = row_checks([SqlSpec(name=text, expression=text) for text, _ in EXPRESSIONS], FIELDS)
    plain: list[dict[str, Any]] = [{} for _ in range(ROWS)]
    for name, column in rows().columns.items():
        for row, value, ok in zip(plain, column.values.tolist(), column.ok.tolist(), strict=True):
            row[name] = (value == "true" if name in "fg" else value) if ok else None
    for check, (text, holds) in zip(checks, EXPRESSIONS, strict=True):
        failed, evaluated = check.failures(rows())
        wanted = [holds(row) for row in plain]
        assert evaluated.tolist() == [answer is not None for answer in wanted], text
        assert failed.tolist() == [answer is False for answer in wanted], text
        assert 0 < failed.sum() < evaluated.sum(), text


def accepted(name: str, texts: list[str]) -> list[bool]:
    """Return which texts are of the format."""
    return [not bad for bad in failing(FormatSpec(field="x", format=name), batch(x=pa.array(texts, pa.string())))[0]]


def spoilt(texts: list[str], seed: int, alphabet: str) -> list[str]:
    """Return the texts, and each with a character replaced, taken out or put in."""
    random_ = random.Random(seed)
    out = list(texts)
    for text in texts:
        place, letter = random_.randrange(len(text) + 1), random_.choice(alphabet)
        out += [
            text[:place] + letter + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + letter + text[place:],
        ]
    return out


def quietly(make: Callable[[str], Any], text: str) -> bool:
    """Return whether making something of a text succeeds and gives a truth."""
    try:
        return bool(make(text))
    except ValueError:
        return False


def test_ip_addresses_are_those_of_the_standard_library():
    random_ = random.Random(1)
    fours = [str(ipaddress.IPv4Address(random_.getrandbits(32))) for _ in range(400)]
    sixes = [str(ipaddress.IPv6Address(random_.getrandbits(128) & random_.getrandbits(128))) for _ in range(200)]
    sixes += [
        str(ipaddress.IPv6Address(sum(random_.choice([0, 0, 0, 1, 0xFFFF]) << 16 * i for i in range(8))))
        for _ in range(400)
    ]
    sixes += (
        ["::" + four for four in fours[:50]] + ["1:2:3:4:5:6:" + four for four in fours[:50]] + ["::ffff:0:1.2.3.4"]
    )
    sixes += [ipaddress.IPv6Address(six).exploded for six in sixes[:50]]
    texts = spoilt(fours + sixes, 2, "0:.fg1")
    four = [quietly(lambda t: [ipaddress.IPv4Address(t)], text) for text in texts]
    six = [quietly(lambda t: [ipaddress.IPv6Address(t)], text) for text in texts]
    assert accepted("ipv4", texts) == four
    assert accepted("ipv6", texts) == six
    assert accepted("ip", texts) == [a or b for a, b in zip(four, six, strict=True)]


def test_uuids_are_those_of_the_standard_library():
    random_ = random.Random(3)
    texts = [str(uuid.UUID(int=random_.getrandbits(128))) for _ in range(500)]
    texts = spoilt(texts + [text.upper() for text in texts], 4, "0-gA{")
    assert accepted("uuid", texts) == [quietly(lambda t: str(uuid.UUID(t)) == t.lower(), text) for text in texts]


def test_dates_are_those_of_the_standard_library():
    random_ = random.Random(5)
    years = [0, 1, 4, 1900, 2000, 2023, 2024, 9999]
    texts = [f"{random_.choice(years):04}-{random_.randrange(14):02}-{random_.randrange(33):02}" for _ in range(3_000)]
    shaped = [text for text in spoilt(texts, 6, "0-1") if re.fullmatch(r"\d{4}-\d\d-\d\d", text)]
    assert accepted("iso_date", shaped) == [quietly(date.fromisoformat, text) for text in shaped]


def test_times_are_those_of_the_standard_library():
    random_ = random.Random(7)
    texts = [
        f"{random_.choice(['2024-02-29', '2023-02-29', '2024-12-31'])}{random_.choice('T ')}"
        f"{random_.randrange(26):02}:{random_.randrange(62):02}"
        + random_.choice(
            ["", f":{random_.randrange(62):02}", f":{random_.randrange(60):02}.{random_.randrange(10**6):06}"]
        )
        + random_.choice(["", "Z", f"+{random_.randrange(26):02}:{random_.randrange(60):02}", "-00:00"])
        for _ in range(3_000)
    ]
    assert accepted("iso_datetime", texts) == [quietly(datetime.fromisoformat, text) for text in texts]


def iban(country: str, random_: random.Random) -> str:
    """Return a right IBAN by the book: letters as numbers, remainder of the whole by 97."""
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    account = "".join(random_.choice(letters) for _ in range(IBAN_LENGTHS[country] - 4))
    rest = int("".join(str(int(c, 36)) for c in f"{account}{country}00")) % 97
    return f"{country}{98 - rest:02}{account}"


def test_ibans_have_the_remainder_one():
    random_ = random.Random(9)
    right = [iban(country, random_) for country in IBAN_LENGTHS for _ in range(3)]
    assert all(accepted("iban", right))
    texts = spoilt(right, 10, "0A1Z")

    def by_the_book(text: str) -> bool:
        if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]+", text) or len(text) != IBAN_LENGTHS.get(text[:2]):
            return False
        return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1

    assert accepted("iban", texts) == [by_the_book(text) for text in texts]


def test_card_numbers_have_their_luhn_digit():
    random_ = random.Random(11)
    texts = ["".join(random_.choice("0123456789") for _ in range(random_.randrange(10, 22))) for _ in range(5_000)]

    def by_the_book(text: str) -> bool:
        digits = [int(digit) for digit in reversed(text)]
        doubled = [digit if i % 2 == 0 else sum(divmod(2 * digit, 10)) for i, digit in enumerate(digits)]
        return 12 <= len(text) <= 19 and sum(doubled) % 10 == 0

    got = accepted("card", texts)
    assert got == [by_the_book(text) for text in texts]
    assert 200 < sum(got) < 800


def test_versions_are_those_of_the_grammar():
    random_ = random.Random(12)
    parts = ["0", "1", "10", "01", "a", "-", "0a", "rc1", ""]

    def some(n: int) -> str:
        return ".".join(random_.choice(parts) for _ in range(n))

    texts = [
        some(random_.choice([3, 3, 3, 2]))
        + random_.choice(["", "-" + some(random_.randrange(1, 3))])
        + random_.choice(["", "+" + some(random_.randrange(1, 3))])
        for _ in range(20_000)
    ]

    def by_the_book(text: str) -> bool:
        rest, plus, build = text.partition("+")
        core, minus, before = rest.partition("-")
        numbers = core.split(".")

        def right(identifier: str) -> bool:
            return bool(re.fullmatch("[0-9A-Za-z-]+", identifier))

        def whole(identifier: str) -> bool:
            return identifier == "0" or not identifier.startswith("0")

        return (
            len(numbers) == 3
            and all(number.isdigit() and whole(number) for number in numbers)
            and (not minus or all(right(i) and (not i.isdigit() or whole(i)) for i in before.split(".")))
            and (not plus or all(right(i) for i in build.split(".")))
        )

    got = accepted("semver", texts)
    assert got == [by_the_book(text) for text in texts]
    assert sum(got) > 50


def test_host_names_and_mail_addresses_are_those_of_the_rules():
    random_ = random.Random(13)
    labels = ["a", "b-c", "1", "9z", "-a", "a-", "", "x" * 63, "x" * 64, "ü", "a_b", "COM"]
    hosts = [".".join(random_.choice(labels) for _ in range(random_.randrange(1, 6))) for _ in range(8_000)]

    def host(text: str) -> bool:
        names = text.split(".")
        return (
            len(text) <= 253
            and not re.fullmatch("[0-9]+", names[-1])
            and all(re.fullmatch("[A-Za-z0-9-]{1,63}", n) and n[0] != "-" and n[-1] != "-" for n in names)
        )

    got = accepted("hostname", hosts)
    assert got == [host(text) for text in hosts]
    assert sum(got) > 500
    locals_ = ["a", "a.b", ".a", "a.", "a..b", "a+b", "a b", "l" * 64, "l" * 65, "ä", "", 'a"', "{x}"]
    mails = [f"{random_.choice(locals_)}@{text}" for text in hosts]

    def mail(text: str) -> bool:
        local, _, domain = text.rpartition("@")
        words = local.split(".")
        atoms = all(re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", word) for word in words)
        return atoms and len(local) <= 64 and len(text) <= 254 and "." in domain and host(domain)

    assert accepted("email", mails) == [mail(text) for text in mails]


def test_telephone_numbers_are_a_plus_and_seven_to_fifteen_digits():
    random_ = random.Random(14)
    texts = ["+" + "".join(random_.choice("0123456789") for _ in range(random_.randrange(1, 18))) for _ in range(500)]
    texts = spoilt(texts, 15, "+-0 a")

    def by_the_book(text: str) -> bool:
        digits = text[1:]
        return (
            text[:1] == "+" and digits.isdecimal() and digits.isascii() and digits[0] != "0" and 7 <= len(digits) <= 15
        )

    assert accepted("e164", texts) == [by_the_book(text) for text in texts]


LISTED = Path("/usr/share/iso-codes/json")


@pytest.mark.skipif(not LISTED.exists(), reason="needs Debian's iso-codes")
def test_the_code_lists_are_those_of_the_standards():
    countries = json.loads((LISTED / "iso_3166-1.json").read_text())["3166-1"]
    assert {entry["alpha_2"] for entry in countries} == COUNTRIES
    currencies = {entry["alpha_3"] for entry in json.loads((LISTED / "iso_4217.json").read_text())["4217"]}
    assert CURRENCIES - currencies <= {"XAD", "XCG", "ZWG"}
    assert currencies - CURRENCIES <= {"CUC", "HRK", "SLL"}
