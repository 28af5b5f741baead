"""Records as columns and back: only what changed is written anew."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from monitor.proving.records import Records, changed

FIELDS = {"a.b": "number", "n": "integer", "c": "category", "t": "text", "$key": "text"}
LINES = [
    b'{"a":{"b":1.5,"x":[1]},"n":7,"c":"DE","t":"h\\u00e9","z":null}',
    b'{"a":{"b":"1.5"},"n":null,"c":5411}',
    b'{"c":true}',
    b"not json",
    b"[1]",
    None,
]


@pytest.fixture
def records() -> Records:
    """Of some fields."""
    return Records(FIELDS)


def test_fields_are_read_as_numbers_and_texts_and_what_is_none_such_is_null(records):
    table = records.table(pa.array(LINES, pa.binary()))
    assert table.column_names == ["a.b", "n", "c", "t"]
    assert table["a.b"].to_pylist() == [1.5, None, None, None, None, None]
    assert table["n"].to_pylist() == [7.0, None, None, None, None, None]
    assert table["c"].to_pylist() == ["DE", "5411", "true", None, None, None]
    assert table["t"].to_pylist()[0] == "hé"


def written(records, path, column):
    found = records.written(pa.array(LINES, pa.binary()), path, column).to_pylist()
    assert found[3:] == LINES[3:]
    return [json.loads(line) for line in found[:3]]


def test_a_number_is_written_where_it_was_and_a_null_is_null(records):
    one, two, three = written(records, "a.b", pa.array([2.25, None, 3.0, 1.0, 1.0, 1.0]))
    assert one == {"a": {"b": 2.25, "x": [1]}, "n": 7, "c": "DE", "t": "hé", "z": None}
    assert two == {"a": {"b": None}, "n": None, "c": 5411}
    assert three == {"c": True, "a": {"b": 3}}


def test_whole_numbers_are_written_without_a_point(records):
    found = records.written(pa.array(LINES[:1], pa.binary()), "n", pa.array([1_700_000_000_000_000_000.0]))
    assert b'"n":1700000000000000000' in found[0].as_py().replace(b" ", b"")


def test_a_category_is_written_in_the_form_that_it_had_or_as_text(records):
    one, two, three = written(records, "c", pa.array(['x"y', "5412", "false", "q", "q", "q"]))
    assert (one["c"], two["c"], three["c"]) == ('x"y', 5412, False)
    assert written(records, "c", pa.array(["7", "N/A", "N/A", "q", "q", "q"]))[1]["c"] == "N/A"


def test_rows_differ_where_a_value_or_its_being_null_does():
    assert changed(pa.array([1.0, None, 2.0, None]), pa.array([1.0, 3.0, None, None])).tolist() == [1, 2]
    assert changed(pa.array(["a", None]), pa.array(["b", None])).tolist() == [0]
