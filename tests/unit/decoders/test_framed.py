"""JSON behind the id of a schema."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.decoders.preparing import prepare
from monitor.errors import Retryable
from tests.support.formats import NOW_MS, as_json, balanced, decoded_by, fetch_of, framed, told
from tests.support.registry import RegistryServer

PLAN = DecodePlan({"a": "number"}, EventTimePlan("at", "ms"))


@pytest.fixture
def server():
    with RegistryServer() as running:
        running.register("t-value", {"type": "object"}, kind="JSON")
        running.register("u-value", {"type": "record", "name": "R", "fields": []})
        yield running


def decoder(server, **settings):
    return JsonSpec(schema_registry={"url": server.url}, **settings).build(PLAN)


def test_each_way_of_not_being_readable_has_its_reason(server):
    good = as_json({"at": NOW_MS, "a": 1})
    cases = [
        (framed(1, good), None),
        (None, None),
        (good, "not_framed"),
        (b"", "not_framed"),
        (framed(9, good), "schema_unknown"),
        (framed(2, good), "schema_unsupported"),
        (framed(1, b"{"), "malformed"),
        (framed(1, good), None),
    ]
    fetch = fetch_of([value for value, _ in cases])
    decoded = decoded_by(decoder(server), fetch)
    assert balanced(fetch, decoded)
    found = told(decoded)
    assert found["rejects"] == [(i, reason) for i, (_, reason) in enumerate(cases) if reason]
    assert (found["offsets"], found["filtered"], found["values"]) == ([0, 7], 1, {"a": [1.0, 1.0]})


def test_a_registry_that_does_not_answer_is_no_reject(server):
    reader = decoder(server, envelope="debezium")
    fetch = fetch_of([framed(1, as_json({"op": "c", "after": {"at": NOW_MS, "a": 2}}))])
    server.failing = 500
    with pytest.raises(Retryable):
        prepare(reader, fetch)
    server.failing = None
    assert told(decoded_by(reader, fetch))["values"] == {"a": [2.0]}


def test_compression_does_not_go_with_a_registry():
    with pytest.raises(ValidationError, match="compression goes with values without a schema id"):
        JsonSpec(schema_registry={"url": "http://localhost:1"}, compression="gzip")
