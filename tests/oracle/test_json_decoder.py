"""The columnar decoder against a slow one that reads record by record with Python's json."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.types import FieldType
from tests.support.decoding import NOW_MS, cells, fetch_of, reasons

FIELDS: dict[str, FieldType] = {
    "a": "number",
    "i": "integer",
    "b": "boolean",
    "c": "category",
    "m.a": "text",
    "m.n.i": "number",
    "m.0": "number",
    'q"\\': "text",
    "é+ ": "category",
    "x/y~": "boolean",
    "*": "number",
}
PLAN = DecodePlan(FIELDS, EventTimePlan("t", "ms", 3_600_000), max_record_bytes=600, max_nesting_depth=6)
BATCH = JsonSpec().build(PLAN)
SINGLE = JsonSpec().build(PLAN)


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Object(dict):
    """A JSON object of which the first of repeated keys counts."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(reversed(pairs))


def parse(text: str) -> Any:
    """Return the document; raises ValueError when it is not JSON (but NaN and infinities are let through)."""
    document = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=Object)
    # Half a surrogate pair is no text, wherever it stands; a pair written as two escapes has been joined.
    json.dumps(document, ensure_ascii=False).encode()
    if re.search(r"\\u[dD][89a-fA-F]", text):
        for escaped in re.findall(r"(?:\\u[dD][89a-fA-F][0-9a-fA-F]{2})+", re.sub(r"\\\\", "", text)):
            json.loads(f'"{escaped}"').encode()
    return document


def depth(text: str) -> int:
    """Return the nesting depth, strings left out."""
    level = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)):
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def value_at(document: Any, path: str) -> Any:
    """Return the value at the path, KeyError where there is none."""
    for name in path.split("."):
        if not isinstance(document, Object):
            raise KeyError(name)
        document = document[name]
    return document


def cell(document: Any, path: str, kind: FieldType) -> Any:
    """Return a field's value, or the name of the presence that keeps it from being one."""
    try:
        value = value_at(document, path)
    except KeyError:
        return "ABSENT"
    if value is None:
        return "NULL"
    if kind in ("number", "integer") and isinstance(value, Number):
        number = float(value)
        if math.isnan(number):
            return "NAN"
        if math.isinf(number):
            return "POSITIVE_INFINITY" if number > 0 else "NEGATIVE_INFINITY"
        return number if kind == "number" or number.is_integer() else "WRONG_TYPE"
    if kind == "boolean" and isinstance(value, bool):
        return "true" if value else "false"
    if kind in ("category", "text") and isinstance(value, str) and not isinstance(value, Number):
        return value
    return "WRONG_TYPE"


def event_time(document: Any) -> int | str:
    """Return the event time or why there is none."""
    time = cell(document, "t", "number")
    if time in ("ABSENT", "NULL"):
        return "event_time_missing"
    if isinstance(time, str) or not 1 <= time < 253_402_300_800_000:
        return "event_time_invalid"
    return "event_time_ahead" if math.floor(time) > NOW_MS + 3_600_000 else math.floor(time)


def expected(record: bytes) -> str | tuple[int, dict[str, Any]]:
    """Return the reason for a reject, or the event time and cells of a row."""
    if len(record) > PLAN.max_record_bytes:
        return "oversize"
    try:
        text = record.decode()
    except UnicodeDecodeError:
        return "encoding"
    if depth(text) > PLAN.max_nesting_depth:
        return "nesting"
    try:
        document = parse(text)
    except ValueError:
        # Of NaN and the infinities the parser takes spellings that Python does not; those have unit tests.
        assume(not re.search("nan|inf", text, re.IGNORECASE))
        return "malformed"
    if not isinstance(document, Object):
        return "not_object"
    time = event_time(document)
    return (
        time if isinstance(time, str) else (time, {path: cell(document, path, kind) for path, kind in FIELDS.items()})
    )


def check(decoded: Any, records: list[bytes | None]) -> None:
    """Assert that every record became exactly what the slow decoder says."""
    outcomes = {i: expected(record) for i, record in enumerate(records) if record is not None}
    assert decoded.filtered == len(records) - len(outcomes)
    assert reasons(decoded) == {i: outcome for i, outcome in outcomes.items() if isinstance(outcome, str)}
    rows = {i: outcome for i, outcome in outcomes.items() if not isinstance(outcome, str)}
    assert decoded.batch.offsets.tolist() == list(rows)
    assert decoded.batch.event_times_ms.tolist() == [time for time, _ in rows.values()]
    for path in FIELDS:
        assert cells(decoded.batch.columns[path]) == [row[path] for _, row in rows.values()], path


texts = st.text(max_size=6) | st.sampled_from(
    [
        "1",
        "12.5",
        "true",
        "null",
        "NaN",
        "{}",
        "[1]",
        '"',
        "\\",
        '","a":"1',
        ",}",
        '"a":',
        "\x00",
        "\u2028",
        "\U0001f600",
    ]
)
numbers = st.sampled_from(
    ["0", "-0", "1", "-1", "1.0", "1.6", "1e3", "1E-2", "1e400", "-1e400", "1e-400", "9007199254740993", "18446744073709551616", "NaN", "Infinity", "-Infinity"]
) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
scalars = (
    numbers
    | texts.map(json.dumps)
    | texts.map(lambda text: json.dumps(text, ensure_ascii=False))
    | st.sampled_from(["null", "true", "false", '"\\ud83d\\ude00"', '"\\/\\b\\u0041"'])
)
spaces = st.sampled_from(["", "", "", " ", "\n\t", "\r "])
names = st.sampled_from(["a", "i", "b", "c", "m", "n", "0", "A", "t2", 'q"\\', "é+ ", "x/y~", "*", "am", "m.a", ""])


@st.composite
def escaped_key(draw: Any, name: str) -> str:
    """Return a key as JSON, some of its characters written as escapes."""
    return (
        '"'
        + "".join(
            f"\\u{ord(c):04x}"
            if draw(st.integers(0, 15)) == 0
            else json.dumps(c, ensure_ascii=draw(st.booleans()))[1:-1]
            for c in name
        )
        + '"'
    )


@st.composite
def containers(draw: Any, inner: Any) -> str:
    """Return an array or an object of the configured names, with spaces anywhere."""
    space = draw(spaces)
    if draw(st.integers(0, 3)) == 0:
        return f"[{space}{f'{space},'.join(draw(st.lists(inner, max_size=3)))}{space}]"
    members = [
        f"{space}{draw(escaped_key(name))}{space}:{space}{draw(inner)}" for name in draw(st.lists(names, max_size=4))
    ]
    return f"{{{f'{space},'.join(members)}{space}}}"


values = st.recursive(scalars, containers, max_leaves=6)


@st.composite
def objects(draw: Any) -> bytes:
    """Return a record that is mostly a row: configured names with any values, and a time."""
    space = draw(spaces)
    members = [(name, draw(values)) for name in draw(st.lists(names, max_size=7))]
    time = draw(st.sampled_from([str(NOW_MS)] * 8 + [f"{NOW_MS}.7", "0", "null", '"1"', str(NOW_MS + 3_600_001)]))
    members.insert(draw(st.integers(0, len(members))), ("t", time))
    body = f"{space},{space}".join(f"{draw(escaped_key(name))}{space}:{space}{value}" for name, value in members)
    return f"{space}{{{space}{body}{space}}}{space}".encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: Any) -> bytes:
    """Return a record cut short, with bytes changed, put in or left out, or two in one."""
    record = bytearray(draw(objects()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(record)))
        how = draw(st.sampled_from(["cut", "flip", "insert", "delete", "join", "repeat"]))
        if how == "cut":
            del record[at:]
        elif how == "flip" and at < len(record):
            record[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "insert":
            record[at:at] = draw(
                st.sampled_from([b",", b'"', b"\\", b"{", b"[", b"]", b"}", b":", b"\x00", b"\xff", b" ", b"1"])
            )
        elif how == "delete":
            del record[at : at + 1]
        elif how == "join":
            record += draw(objects())
        elif how == "repeat":
            record[at:at] = record[at : at + 5]
    return bytes(record)


records = st.lists(st.one_of(objects(), objects(), damaged(), values.map(lambda v: v.encode()), st.none()), max_size=24)


@settings(max_examples=250, deadline=None)
@given(records)
def test_every_record_becomes_what_a_reader_of_single_records_makes_of_it(batch):
    check(BATCH.decode(fetch_of(batch)), batch)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(objects(), damaged(), st.none()), max_size=6))
def test_the_result_does_not_depend_on_the_batch(batch):
    together = BATCH.decode(fetch_of(batch))
    alone = [SINGLE.decode(fetch_of([record], first_offset=i)) for i, record in enumerate(batch)]
    assert together.filtered == sum(one.filtered for one in alone)
    assert together.unknown_fields == tuple(sorted({name for one in alone for name in one.unknown_fields}))
    assert reasons(together) == {i: one.rejects.reasons[0] for i, one in enumerate(alone) if len(one.rejects)}
    assert together.batch.offsets.tolist() == [offset for one in alone for offset in one.batch.offsets.tolist()]
    assert together.batch.event_times_ms.tolist() == [ms for one in alone for ms in one.batch.event_times_ms.tolist()]
    for path in FIELDS:
        assert cells(together.batch.columns[path]) == [c for one in alone for c in cells(one.batch.columns[path])], path


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.text(max_size=40).map(str.encode), max_size=20))
def test_any_bytes_at_all_are_accounted_for(batch):
    check(BATCH.decode(fetch_of(batch)), batch)
