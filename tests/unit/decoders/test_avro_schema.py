"""Which schemas are read, by which reader, and which are refused."""

from __future__ import annotations

import json

import pytest

from monitor.decoders.avro_schema import UnusableSchemaError, parse_schema


def record(*types, name="R"):
    return {"type": "record", "name": name, "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(types)]}


def parsed(*documents):
    return parse_schema([json.dumps(document) for document in documents])


@pytest.mark.parametrize(
    "kind",
    [
        "string",
        ["null", "double"],
        ["long", "null"],
        {"type": "array", "items": record("int", name="Item")},
        {"type": "map", "values": ["null", "int"]},
        {"type": "enum", "name": "E", "symbols": ["A"]},
        {"type": "string", "logicalType": "uuid"},
        record(name="Empty"),
    ],
)
def test_what_the_columnar_reader_can_read_goes_there(kind):
    assert parsed(record(kind)).columnar is not None


@pytest.mark.parametrize(
    "kind",
    [
        "bytes",
        {"type": "fixed", "name": "F", "size": 4},
        ["null", "int", "string"],
        ["int"],
        ["null", "null"],
        {"type": "array", "items": "bytes"},
    ],
)
def test_what_it_cannot_read_goes_to_the_other(kind):
    try:
        schema = parsed(record(kind))
    except UnusableSchemaError:
        assert kind == ["null", "null"]
    else:
        assert schema.columnar is None
        assert schema.is_record


@pytest.mark.parametrize(
    "document",
    [
        3,
        "nope",
        [],
        {"type": "record"},
        {"type": "record", "name": "a", "fields": 3},
        {"type": "record", "name": "a", "fields": [{"name": "x"}]},
        record("Unknown"),
        record({"type": "array", "items": "null"}),
        record({"type": "array", "items": record(name="Empty")}),
        record({"type": "array", "items": record("null", record(name="Inner"), name="Nothing")}),
        record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
        record({"type": "fixed", "name": "F", "size": "x"}),
        record("int", ["null", "R"]),
        record({"type": "array", "items": "R"}),
    ],
)
def test_what_is_no_schema_or_dangerous_is_refused(document):
    try:
        schema = parsed(document)
    except UnusableSchemaError:
        return
    assert not schema.is_record
    assert document == []


def test_a_schema_nested_beyond_reason_is_refused():
    for depth in (200, 5000):
        kind = "int"
        text = '{"type": "array", "items": ' * depth + '"int"' + "}" * depth
        with pytest.raises(UnusableSchemaError):
            parse_schema([json.dumps(record(kind)).replace('"int"', text)])


def test_a_schema_that_is_no_record_is_known_as_such():
    assert not parsed("string").is_record
    assert not parsed(["null", record("int")]).is_record


def test_annotations_and_names_of_other_documents_are_resolved():
    text = parsed(
        {"type": "record", "name": "M", "namespace": "a", "doc": "x", "fields": [{"name": "n", "type": "int"}]},
        record("a.M", {"type": "long", "logicalType": "timestamp-millis"}, "a.M"),
    ).columnar
    assert "logicalType" not in text
    assert "doc" not in text
    first, second, third = (field["type"] for field in json.loads(text)["fields"])
    assert (first["name"], second, third) == ("a.M", "long", "a.M")
