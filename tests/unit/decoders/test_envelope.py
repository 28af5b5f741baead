"""The fields that Kafka carries beside the value."""

from __future__ import annotations

import pyarrow as pa
import pytest

from monitor.decoders import EventTimePlan
from tests.support.decoding import NOW_MS, cells, decode

ROW = b"{}"


@pytest.mark.parametrize("others", [[], [b"\xff"]])
def test_a_key_is_text_absent_or_of_the_wrong_type(others):
    keys = [b"k", None, b"", "é\N{PILE OF POO}".encode(), b"7", *others]
    column = decode([ROW] * len(keys), {"$key": "category"}, keys=keys).batch.columns["$key"]
    assert cells(column) == ["k", "ABSENT", "", "é\N{PILE OF POO}", "7", *["WRONG_TYPE"] * len(others)]
    assert column.values.type == pa.string()
    assert column.values.null_count == 0


def test_a_timestamp_is_a_number_or_absent():
    timestamps = [NOW_MS, 1, NOW_MS]
    column = decode([ROW] * 3, {"$timestamp_ms": "number"}, timestamps_ms=timestamps).batch.columns["$timestamp_ms"]
    assert cells(column) == [float(NOW_MS), 1.0, float(NOW_MS)]


def test_a_missing_timestamp_is_absent_when_event_time_comes_from_the_value():
    records = [b'{"t":%d}' % NOW_MS] * 2
    decoded = decode(records, {"$timestamp_ms": "integer"}, EventTimePlan("t"), timestamps_ms=[-1, NOW_MS])
    assert cells(decoded.batch.columns["$timestamp_ms"]) == ["ABSENT", float(NOW_MS)]


def test_of_equal_headers_the_first_counts_and_names_are_exact():
    headers = [
        [("v", b"1"), ("v", b"2")],
        [("V", b"1"), ("vv", b"2")],
        [],
        [("v", None), ("v", b"2")],
        [("w", b"x"), ("v", b"\xff")],
        [("v", b"")],
    ]
    columns = decode([ROW] * 6, {"$header.v": "category", "$header.w": "text"}, headers=headers).batch.columns
    assert cells(columns["$header.v"]) == ["1", "ABSENT", "ABSENT", "ABSENT", "WRONG_TYPE", ""]
    assert cells(columns["$header.w"]) == ["ABSENT"] * 4 + ["x", "ABSENT"]


def test_without_headers_a_header_is_absent():
    assert cells(decode([ROW], {"$header.v": "text"}).batch.columns["$header.v"]) == ["ABSENT"]


def test_a_header_name_may_hold_dots_and_look_like_a_path():
    headers = [[("a.b", b"x"), ("$key", b"y")]]
    columns = decode(
        [b'{"a":{"b":"z"}}'], {"$header.a.b": "text", "$header.$key": "text", "a.b": "text"}, headers=headers
    )
    assert {path: cells(column) for path, column in columns.batch.columns.items()} == {
        "$header.a.b": ["x"],
        "$header.$key": ["y"],
        "a.b": ["z"],
    }


def test_columns_stay_with_their_rows_when_records_are_rejected():
    records = [b"{", b'{"i":1}', None, b"[]", b'{"i":4}', b"\xff"]
    fields = {"i": "number", "$key": "text", "$header.h": "text", "$timestamp_ms": "number"}
    decoded = decode(
        records,
        fields,
        keys=[b"k%d" % i for i in range(6)],
        headers=[[("h", b"h%d" % i)] for i in range(6)],
        timestamps_ms=[100 + i for i in range(6)],
    )
    assert {path: cells(column) for path, column in decoded.batch.columns.items()} == {
        "i": [1.0, 4.0],
        "$key": ["k1", "k4"],
        "$header.h": ["h1", "h4"],
        "$timestamp_ms": [101.0, 104.0],
    }
    assert decoded.batch.offsets.tolist() == [1, 4]
