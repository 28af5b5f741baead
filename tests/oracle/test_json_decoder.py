"""The columnar decoder against a slow one that reads record by record with Python's json."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.decoders.json import JsonDecoder
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
EXACT = JsonDecoder(PLAN)
EXACT._scanner = None


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


def number(text: str, kind: FieldType) -> float | str:
    """Return a number that is finite (and whole for an integer), or what it is instead."""
    value = float(text)
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "POSITIVE_INFINITY" if value > 0 else "NEGATIVE_INFINITY"
    return value if kind == "number" or value.is_integer() else "WRONG_TYPE"


def cell(document: Any, path: str, kind: FieldType) -> Any:
    """Return a field's value, or the name of the presence that keeps it from being one."""
    try:
        value = value_at(document, path)
    except KeyError:
        return "ABSENT"
    if value is None:
        return "NULL"
    if isinstance(value, Number):
        return number(value, kind) if kind in ("number", "integer") else "WRONG_TYPE"
    if isinstance(value, bool):
        return str(value).lower() if kind == "boolean" else "WRONG_TYPE"
    return value if isinstance(value, str) and kind in ("category", "text") else "WRONG_TYPE"


def event_time(document: Any) -> int | str:
    """Return the event time or why there is none."""
    time = cell(document, "t", "number")
    if time in ("ABSENT", "NULL"):
        return "event_time_missing"
    if isinstance(time, str) or not 31_536_000_000 <= time < 253_402_300_800_000:
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


texts = st.sampled_from(
    [
        "",
        "x",
        "DE",
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
        "é",
        "\u2028",
        "\U00010000",
    ]
)
numbers = st.sampled_from(
    [
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1.6",
        "1e3",
        "1E-2",
        "1e400",
        "-1e400",
        "1e-400",
        "9007199254740993",
        "18446744073709551616",
        "NaN",
        "Infinity",
        "-Infinity",
    ]
) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
scalars = st.one_of(
    numbers,
    st.builds(json.dumps, texts | st.text(max_size=4), ensure_ascii=st.booleans()),
    st.sampled_from(["null", "true", "false", "{}", "[]", '"\\ud83d\\ude00"', '"\\/\\b\\u0041"', '"\\ud800"']),
)
spaces = st.sampled_from(["", "", "", " ", "\n\t", "\r "])


def _spellings(name: str) -> list[str]:
    """Return ways to write a key in JSON: as it is (mostly), with its first or all characters as escapes."""
    plain = json.dumps(name, ensure_ascii=False)
    escaped = [f"\\u{ord(character):04x}" for character in name]
    first = f'"{escaped[0]}{json.dumps(name[1:])[1:]}' if name else plain
    return [plain] * 8 + [json.dumps(name), first, '"' + "".join(escaped) + '"']


keys = st.sampled_from(
    [
        key
        for name in ["a", "i", "b", "c", "m", "n", "0", "A", 'q"\\', "é+ ", "x/y~", "*", "am", "m.a", ""]
        for key in _spellings(name)
    ]
)
time_keys = st.sampled_from(_spellings("t"))
times = st.sampled_from(
    [str(NOW_MS)] * 8 + [f"{NOW_MS}.7", "0", "31535999999.9", "31536000000", "null", '"1"', str(NOW_MS + 3_600_001)]
)


def _object(space: str, members: list[tuple[str, str]]) -> str:
    inside = f"{space},{space}".join(f"{key}{space}:{space}{value}" for key, value in members)
    return f"{{{space}{inside}{space}}}"


def _containers(inner: Any) -> Any:
    """Return arrays, and objects of the configured names, with spaces anywhere."""
    arrays = st.builds(
        lambda space, parts: f"[{space}{f'{space},'.join(parts)}{space}]", spaces, st.lists(inner, max_size=3)
    )
    return arrays | st.builds(_object, spaces, st.lists(st.tuples(keys, inner), max_size=3))


values = scalars | scalars | st.recursive(scalars, _containers, max_leaves=5)


@st.composite
def objects(draw: Any) -> bytes:
    """Return a record that is mostly a row: configured names with any values, and a time."""
    members = draw(st.lists(st.tuples(keys, values), max_size=6))
    members.insert(draw(st.integers(0, len(members))), (draw(time_keys), draw(times)))
    return _object(draw(spaces), members).encode()


INSERTED = [b",", b'"', b"\\", b"{", b"[", b"]", b"}", b":", b"\x00", b"\xff", b" ", b"1", b"[" * 7]


@st.composite
def damaged(draw: Any) -> bytes:
    """Return a record cut short, with a bit changed, bytes put in or left out, or two in one."""
    record = draw(objects())
    at = draw(st.integers(0, len(record)))
    head, tail = record[:at], record[at:]
    how = draw(st.sampled_from(["cut", "flip", "insert", "delete", "join", "repeat"]))
    if how == "cut":
        return head
    if how == "flip":
        return head + bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in tail[:1]) + tail[1:]
    if how == "insert":
        return head + draw(st.sampled_from(INSERTED)) + tail
    if how == "delete":
        return head + tail[1:]
    return head + (draw(objects()) if how == "join" else tail[:5]) + tail


records = st.lists(st.one_of(objects(), damaged(), values.map(str.encode), st.none()), max_size=16)


@settings(max_examples=120, deadline=None)
@given(records)
def test_every_record_becomes_what_a_reader_of_single_records_makes_of_it(batch):
    check(BATCH.decode(fetch_of(batch)), batch)


@settings(max_examples=25, deadline=None)
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


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.text(max_size=40).map(str.encode), max_size=20))
def test_any_bytes_at_all_are_accounted_for(batch):
    check(BATCH.decode(fetch_of(batch)), batch)


@settings(max_examples=60, deadline=None)
@given(records)
def test_without_the_scanner_every_record_becomes_the_same(batch):
    check(EXACT.decode(fetch_of(batch)), batch)
