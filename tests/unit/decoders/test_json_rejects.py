"""Which records are no rows, why, and that every record is accounted for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from tests.support.decoding import NOW_MS, cells, decode, fetch_of, reasons

GOOD = b'{"t":%d,"a":1}' % NOW_MS
DEEP = 64
TIME = b'"t":%d' % NOW_MS
CASES = {
    "oversize": [b'{%s,"x":"%s"}' % (TIME, b"x" * 1_048_576)],
    "encoding": [
        b"\xff\xfe",
        b'{"a":"\xff"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xf4\x90\x80\x80"}',
        b'{"a":"\xe2\x82"}',
        b"\xff" * 100,
    ],
    "malformed": [
        b"",
        b" ",
        b"{",
        b"}",
        b"{bad",
        b"bad",
        b"{a:1}",
        b"{'a':1}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1',
        b'{"a":1}}',
        b'{"a":1}{"a":2}',
        b'{"a":1} x',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":0x10}',
        b'{"a":- 1}',
        b'{"a":tru}',
        b'{"a":"\n"}',
        b'{"a":"\x00"}',
        b'{"a":"\\x"}',
        b'{"a":"\\u12"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00"}',
        b'{"a":1/**/}',
        b'{"a":1//x\n}',
        b'{"a":1\x0b}',
        b'{"a":1\xc2\xa0}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1,}',
        b'{"a":1 , \n}',
        b'{"a":[1,]}',
        b'{"a":[1,2 ,\t]}',
        b'{"m":{"a":1,},"t":2}',
        b'{"a":"x",}',
        b'{"a":{},}',
        b'{"a":",}",}',
        b"{,}",
        b'{"a":1,,"b":2}',
        b"[1,]",
        b"1 2",
        b"\x00",
        b"{\x00}",
        b"[[",
        b'"',
    ],
    "not_object": [
        b"[]",
        b"[1,2]",
        b'[{"a":1}]',
        b"5",
        b"-1e5",
        b'"x"',
        b'"{"',
        b"null",
        b"true",
        b" \n false",
        b"NaN",
        b'\t["{"]',
    ],
    "nesting": [
        b'{%s,"q":%s}' % (TIME, b"[" * DEEP + b"]" * DEEP),
        b'{%s,"q":%s1%s}' % (TIME, b'{"a":' * DEEP, b"}" * DEEP),
        b'{%s,"q":%s1%s}' % (TIME, b'[{"a":' * (DEEP // 2), b"}]" * (DEEP // 2)),
        b'{%s,"q":%s1%s}' % (TIME, b"[[]," * DEEP, b"]" * DEEP),
        b'{%s,"q":%s1%s}' % (TIME, b'[{"[":"]{"},' * DEEP, b"]" * DEEP),
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 100_000,
    ],
    "event_time_missing": [b'{"a":1}', b"{}", b'{"t":null}', b'{"T":1}', b'{"m":{"t":1}}'],
    "event_time_invalid": [
        b'{"t":"%d"}' % NOW_MS,
        b'{"t":"x"}',
        b'{"t":true}',
        b'{"t":{}}',
        b'{"t":[%d]}' % NOW_MS,
        b'{"t":0}',
        b'{"t":-5}',
        b'{"t":0.5}',
        b'{"t":31535999999}',
        b'{"t":NaN}',
        b'{"t":1e400}',
        b'{"t":-1e400}',
        b'{"t":253402300800000}',
        b'{"t":1e300}',
    ],
    "event_time_ahead": [b'{"t":%d}' % (NOW_MS + 3_600_001), b'{"t":253402300799999}'],
}
ROWS = [
    GOOD,
    b" \r\n\t" + GOOD + b"\n ",
    b'{%s,"q":%s}' % (TIME, b"[" * (DEEP - 1) + b"]" * (DEEP - 1)),
    b'{%s,"q":[%s]}' % (TIME, b",".join([b"[]"] * 500)),
    b'{%s,"q":"%s"}' % (TIME, b"[" * 500),
    b'{%s,"q":"\\"%s"}' % (TIME, b"[{" * 500),
    b'{%s,"q":[%s]}' % (TIME, b",".join([b'{"a":[]}'] * 500)),
    b'{%s,"q":",}"}' % TIME,
    b'{"t":%d}' % (NOW_MS + 3_600_000),
    b'{"t":31536000000}',
    b'{"t":%d.999}' % NOW_MS,
    b'{%s,"x":"%s"}' % (TIME, b"x" * (1_048_576 - len(TIME) - 9)),
]
FIELDS = {"a": "number"}
PLAN = DecodePlan(FIELDS, EventTimePlan("t"))


@pytest.fixture(scope="module")
def decoder():
    return JsonSpec().build(PLAN)


@pytest.mark.parametrize(
    ("record", "reason"),
    [pytest.param(r, why, id=f"{why}-{i}") for why, records in CASES.items() for i, r in enumerate(records)],
)
def test_a_reject_has_its_reason_alone_and_among_good_records(decoder, record, reason):
    assert reasons(decoder.decode(fetch_of([record]))) == {0: reason}
    among = decoder.decode(fetch_of([GOOD, record, GOOD, record]))
    assert reasons(among) == {1: reason, 3: reason}
    assert cells(among.batch.columns["a"]) == [1.0, 1.0]


@pytest.mark.parametrize("length", range(8))
def test_a_malformed_record_in_any_script_is_a_reject(decoder, length):
    """DuckDB's message quotes part of the record, cut within a character."""
    texts = ["é", "\N{PILE OF POO}", "数", "\U00010000"]
    records = [('{"t"x' + "x" * length + text * 300).encode() for text in texts]
    for record in records:
        assert reasons(decoder.decode(fetch_of([GOOD, record]))) == {1: "malformed"}
    assert reasons(decoder.decode(fetch_of(records))) == dict.fromkeys(range(4), "malformed")


@pytest.mark.parametrize("record", ROWS)
def test_what_looks_like_a_reject_and_is_none_is_a_row(decoder, record):
    decoded = decoder.decode(fetch_of([record]))
    assert reasons(decoded) == {}
    assert len(decoded.batch) == 1


def test_records_are_rows_or_rejects_or_filtered_and_keep_their_places(decoder):
    bad = [(why, record) for why, records in CASES.items() for record in records]
    records, expected, rows = [], {}, []
    for i, (why, record) in enumerate(reversed(bad)):
        if i % 3 == 0:
            records.append(None)
        rows.append(len(records))
        records.append(ROWS[i % len(ROWS)])
        expected[len(records)] = why
        records.append(record)
    decoded = decoder.decode(fetch_of(records, first_offset=1_000))
    assert reasons(decoded) == expected
    assert decoded.rejects.index.tolist() == sorted(expected)
    assert decoded.batch.offsets.tolist() == [1_000 + row for row in rows]
    assert decoded.filtered == records.count(None)
    assert len(decoded.batch) + len(decoded.rejects) + decoded.filtered == len(records)


@pytest.mark.parametrize("size", [0, 1, 2, 100])
def test_a_fetch_of_tombstones_has_neither_rows_nor_rejects(decoder, size):
    decoded = decoder.decode(fetch_of([None] * size))
    assert (len(decoded.batch), len(decoded.rejects), decoded.filtered) == (0, 0, size)
    assert {path: len(column) for path, column in decoded.batch.columns.items()} == {"a": 0}
    assert decoded.batch.columns["a"].values.dtype == np.float64


@pytest.mark.parametrize("reason", CASES)
def test_a_fetch_of_rejects_alone_has_empty_columns(reason):
    fields = {"n": "number", "b": "boolean", "m.c": "category", "$key": "text", "$header.h": "text"}
    decoded = decode(CASES[reason], fields, EventTimePlan("t"))
    assert len(decoded.batch) == 0
    assert len(decoded.rejects) == len(CASES[reason])
    assert list(decoded.batch.columns) == list(fields)
    for path, column in decoded.batch.columns.items():
        assert len(column) == len(column.values) == 0
        assert isinstance(column.values, np.ndarray if path == "n" else pa.StringArray)


def test_limits_are_the_plans():
    decoder = JsonSpec().build(DecodePlan(FIELDS, max_record_bytes=20, max_nesting_depth=2))
    records = [
        b'{"a":1,"bb":"123456"}',
        b'{"a":1,"bb":"12345"}',
        b'{"a":1,"b":[[]]}',
        b'{"a":1,"b":[{}]}',
        b'{"a":[1]}',
    ]
    assert reasons(decoder.decode(fetch_of(records))) == {0: "oversize", 2: "nesting", 3: "nesting"}


def test_slices_of_arrow_arrays_are_decoded_like_copies(decoder):
    records = [GOOD, b"{bad", None, b"\xff", b'{"t":%d,"a":"1"}' % NOW_MS, b"[" * 200, b"[]", GOOD] * 40
    whole = fetch_of(records)
    for start, stop in [(1, 5), (7, 200), (3, 3), (319, 320), (2, 320)]:
        part = type(whole)(
            whole.partition,
            whole.offsets[start:stop],
            whole.timestamps_ms[start:stop],
            whole.keys[start:stop],
            whole.values[start:stop],
            None,
            stop,
        )
        sliced, copied = decoder.decode(part), decoder.decode(fetch_of(records[start:stop], first_offset=start))
        assert reasons(sliced) == reasons(copied)
        assert cells(sliced.batch.columns["a"]) == cells(copied.batch.columns["a"])
        assert sliced.batch.offsets.tolist() == copied.batch.offsets.tolist()
        assert sliced.filtered == copied.filtered


def test_without_fields_records_are_still_sorted_into_rows_and_rejects():
    decoded = decode([b'{"a":1}', b"[]", b"{", None, b"{}"])
    assert reasons(decoded) == {1: "not_object", 2: "malformed"}
    assert decoded.batch.columns == {}
    assert decoded.batch.offsets.tolist() == [0, 4]
    assert decoded.filtered == 1
