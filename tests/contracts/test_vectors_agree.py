"""What every decoder promises of vectors: a matrix of the usable ones, and each broken one under its own name."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.decoders import AvroSpec, DecodePlan, DelimitedSpec, JsonSpec, MsgpackSpec, ProtobufSpec
from monitor.decoders.protobuf_schema import compile_proto
from monitor.decoders.vectors import list_column
from monitor.sources.file_rows import read_rows
from monitor.sources.file_settings import FilesSpec
from monitor.types import Presence
from tests.support.decoding import cells, decode
from tests.support.formats import fetch_of, proto_class

PLAN = DecodePlan({"e": "vector[3]", "n.e": "vector[3]", "x": "number"})
MISSING = object()
NAN, INF = math.nan, math.inf
GOOD: list[tuple[Any, Any]] = [([1.5, 2.0, -3.25], [1.5, 2.0, -3.25]), ([0.0, 1e30, 5.0], [0.0, 1e30, 5.0])]
LENGTHS: list[tuple[Any, Any]] = [([1.0, 2.0], "WRONG_TYPE"), ([1.0] * 4, "WRONG_TYPE")]
EMPTY: list[tuple[Any, Any]] = [([], "WRONG_TYPE")]
NULL: list[tuple[Any, Any]] = [(None, "NULL")]
ABSENT: list[tuple[Any, Any]] = [(MISSING, "ABSENT")]
NOT_FINITE: list[tuple[Any, Any]] = [
    ([NAN, 1.0, 2.0], "NAN"),
    ([INF, NAN, 2.0], "NAN"),
    ([1.0, INF, -INF], "POSITIVE_INFINITY"),
    ([1.0, 2.0, -INF], "NEGATIVE_INFINITY"),
]
NULL_ELEMENT: list[tuple[Any, Any]] = [([1.0, None, 3.0], "WRONG_TYPE"), ([None] * 3, "WRONG_TYPE")]
FOREIGN: list[tuple[Any, Any]] = [
    (value, "WRONG_TYPE")
    for value in (
        [1.0, "2.5", 3.0],
        ["1", "2", "3"],
        [1.0, True, 3.0],
        [False, False, False],
        [[1.0], 2.0, 3.0],
        [1.0, 2.0, {"a": 1}],
        "[1, 2, 3]",
        "text",
        5,
        2.5,
        True,
        {"e": [1.0, 2.0, 3.0]},
        [1.0, 2.0, "Infinity"],
        [1.0, 2.0, "NaN"],
    )
]
WHOLE: list[tuple[Any, Any]] = [([1, 2, 2**60], [1.0, 2.0, float(2**60)])]
PROTO = """syntax = "proto3";
message Row { repeated double e = 1; message Nested { repeated float e = 1; } Nested n = 2; optional double x = 3; }
"""


@dataclass(frozen=True)
class Format:
    """A format: its decoder, how a row is written, and the rows that it can express."""

    build: Callable[[Any], Any]
    write: Callable[[Any, Any], bytes]
    cases: list[tuple[Any, Any]]


def row(value: Any) -> dict[str, Any]:
    return {"x": 1.0} if value is MISSING else {"x": 1.0, "e": value, "n": {"e": value}}


def avro(items: Any) -> Format:
    """Return Avro with arrays of `items`, or with values of any of several types."""
    many = isinstance(items, list)
    array = {"type": "array", "items": items}
    kind = ["null", "string", "double", "boolean", "long", array] if many else ["null", array]
    nested = {"type": "record", "name": "Nested", "fields": [{"name": "e", "type": kind}]}
    fields = [{"name": "x", "type": "double"}, {"name": "e", "type": kind}, {"name": "n", "type": ["null", nested]}]
    schema = {"type": "record", "name": "Row", "fields": fields}
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))

    def write(value: Any, folder: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, row(value))
        return out.getvalue()

    def build(folder: Any) -> Any:
        (folder / "row.avsc").write_text(json.dumps(schema))
        return AvroSpec(schema_file=folder / "row.avsc").build(PLAN)

    cases = [*GOOD, *LENGTHS, *EMPTY, *NULL, *NOT_FINITE]
    if items == "long":
        cases = [*WHOLE, ([1, 2], "WRONG_TYPE"), *NULL]
    if isinstance(items, list) and "null" in items:
        cases += NULL_ELEMENT
        cases += [
            (v, said) for v, said in FOREIGN if not isinstance(v, dict) and "{" not in str(v) and "[[" not in str(v)
        ]
    return Format(build, write, cases)


def protobuf() -> Format:
    def message(folder: Any) -> Any:
        file = folder / "row.proto"
        file.write_text(PROTO)
        return file

    @cache
    def written(folder: Any) -> Any:
        return proto_class(compile_proto(message(folder)), "Row")

    def write(value: Any, folder: Any) -> bytes:
        made = written(folder)(x=1.0)
        if value is not MISSING:
            made.e.extend(value)
            made.n.e.extend([min(v, 3e38) if math.isfinite(v) else v for v in value])
        return bytes(made.SerializeToString())

    # An empty repeated field is one that is not set.
    cases = [GOOD[0], *LENGTHS, *NOT_FINITE, *ABSENT, ([], "ABSENT")]
    return Format(lambda folder: ProtobufSpec(schema_file=message(folder)).build(PLAN), write, cases)


ALL = [*GOOD, *WHOLE, *LENGTHS, *EMPTY, *NULL, *ABSENT, *NOT_FINITE, *NULL_ELEMENT, *FOREIGN]
FORMATS = {
    "json": Format(lambda _: JsonSpec().build(PLAN), lambda v, _: json.dumps(row(v)).encode(), ALL),
    "msgpack": Format(lambda _: MsgpackSpec().build(PLAN), lambda v, _: msgspec.msgpack.encode(row(v)), ALL),
    "avro double": avro("double"),
    "avro float": Format(avro("float").build, avro("float").write, [GOOD[0], *LENGTHS, *NULL, *NOT_FINITE]),
    "avro long": avro("long"),
    "avro nullable": Format(avro("double").build, avro("double").write, [*GOOD, *NULL]),
    "avro any": avro(["null", "double", "string", "boolean", "long"]),
    "protobuf": protobuf(),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_row_has_its_vector_or_the_name_of_what_is_wrong(name, tmp_path):
    form = FORMATS[name]
    decoded = form.build(tmp_path).decode(fetch_of([form.write(value, tmp_path) for value, _ in form.cases]))
    assert not len(decoded.rejects)
    for path in ("e", "n.e"):
        column = decoded.batch.columns[path]
        assert column.values.shape == (len(form.cases), 3)
        for found, (value, expected) in zip(cells(column), form.cases, strict=True):
            assert found == expected, (path, value)


@pytest.mark.parametrize("name", FORMATS)
def test_good_rows_alone_and_no_rows_at_all_are_matrices_too(name, tmp_path):
    form = FORMATS[name]
    good = [value for value, said in form.cases if isinstance(said, list)][:1] * 5
    for values in (good, []):
        batch = form.build(tmp_path).decode(fetch_of([form.write(value, tmp_path) for value in values])).batch
        assert batch.columns["e"].all_ok
        assert batch.columns["e"].valid.shape == (len(values), 3)
        assert batch.take(np.arange(len(values))[::2]).columns["e"].values.shape == (-(-len(values) // 2), 3)


def test_keys_written_with_escapes_and_blanks_in_arrays_are_seen_through():
    values = [
        b'{"\\u0065": [1, 2, "3"]}',
        b'{"\\u0065": [1, 2, 3]}',
        b'{ "e"\n:\t[ 1 ,\n2 , 3e0 ] }',
        b'{"e":[1,2,1e400]}',
    ]
    found = cells(decode(values, {"e": "vector[3]"}).batch.columns["e"])
    assert found == ["WRONG_TYPE", [1, 2, 3], [1, 2, 3], "POSITIVE_INFINITY"]


def test_a_name_that_is_used_for_other_arrays_too_changes_the_effort_and_not_the_result():
    """A name that raises suspicion in most records is looked at exactly in all of them."""
    rows = [{"e": [1, 2, 3], "other": {"e": ["a", "b"]}}] * 300 + [{"e": [1, 2, "3"]}]
    values = [json.dumps(item).encode() for item in rows]
    for _ in range(2):
        found = decode(values, {"e": "vector[3]"}).batch.columns["e"]
        assert found.presence.tolist() == [Presence.OK] * 300 + [Presence.WRONG_TYPE]


def test_many_rows_are_decoded_as_one_by_one():
    random = np.random.default_rng(3)
    odd = [value for value, _ in FOREIGN + LENGTHS + NULL]
    rows = [
        row(odd[int(random.integers(len(odd)))] if random.random() < 0.3 else random.standard_normal(3).tolist())
        for _ in range(60)
    ]
    values = [json.dumps(item).encode() for item in rows]
    together = cells(decode(values, {"e": "vector[3]"}).batch.columns["e"])
    alone = [cells(decode([value], {"e": "vector[3]"}).batch.columns["e"])[0] for value in values]
    assert together == alone


def test_delimited_records_have_no_vectors():
    decoder = DelimitedSpec(columns=("e", "x")).build(PLAN)
    column = decoder.decode(fetch_of([b'"[1,2,3]",1', b",2"])).batch.columns["e"]
    assert cells(column) == ["WRONG_TYPE", "NULL"]


def test_list_columns_of_parquet_files_are_vectors_of_any_length_and_of_a_fixed_one(tmp_path):
    lists = [[1.5, 2.0, 3.0], [NAN, 1.0, 2.0], None, [1.0, None, 3.0], [-INF, 0.0, 0.0]]
    kinds = {"any": pa.list_(pa.float32()), "fixed": pa.list_(pa.float64(), 3), "whole": pa.list_(pa.int64())}
    columns = {name: pa.array(lists, kind) for name, kind in kinds.items() if name != "whole"}
    columns["whole"] = pa.array([[1, 2, 3]] * 5, kinds["whole"])
    columns["texts"] = pa.array([["1", "2", "3"]] * 5)
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    rows = next(iter(read_rows(tmp_path / "rows.parquet", FilesSpec(paths=("rows.parquet",)))))
    found = decode(rows.values.to_pylist(), dict.fromkeys(columns, "vector[3]")).batch.columns
    for name in ("any", "fixed"):
        assert cells(found[name]) == [[1.5, 2, 3], "NAN", "NULL", "WRONG_TYPE", "NEGATIVE_INFINITY"]
    assert cells(found["whole"]) == [[1, 2, 3]] * 5
    assert cells(found["texts"]) == ["WRONG_TYPE"] * 5


def test_a_slice_of_arrow_lists_is_read_from_where_it_begins():
    lists = pa.array([[9.0, 9.0], [1.0, 2.0], None, [3.0, 4.0], [5.0]], pa.list_(pa.float64())).slice(1)
    column = list_column(lists, np.zeros(4, np.uint8), 2)
    assert cells(column) == [[1, 2], "NULL", [3, 4], "WRONG_TYPE"]
