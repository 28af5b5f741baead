"""A schema registry that lies: each answer is a schema, none, or a reason to try again."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from monitor.decoders.protobuf_schema import UnusableProtoError, compile_texts
from monitor.errors import Retryable
from tests.fuzz.answers import registry_answering, registry_of, response_of, response_text

REFERRING = {"schema": "{}", "references": [{"name": "a", "subject": "b", "version": 1}]}


def test_schemas_that_refer_to_each_other_in_a_circle_are_not_there():
    found = {"/schemas/ids/1": REFERRING, "/subjects/b/versions/1": REFERRING}
    assert registry_of(found).schemas([1]) == {}


@pytest.mark.parametrize("references", [7, "x", [1], [{}], [{"subject": "b"}], {"subject": 1}])
def test_references_that_are_none_are_no_schema(references):
    client = registry_of({"/schemas/ids/1": {"schema": "{}", "references": references}})
    with pytest.raises(Retryable, match="not a schema"):
        client.schemas([1])


def test_a_compressed_answer_is_not_decompressed():
    bomb = gzip.compress(json.dumps({"schema": " " * 1_000_000}).encode())
    client = registry_answering(lambda _: response_of(response_text(200, bomb, encoding="gzip")))
    with pytest.raises(Retryable, match="not JSON"):
        client.schemas([1])


def test_compression_is_not_asked_for():
    asked: list[httpx.Headers] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        return response_of(response_text(404, {}))

    client = registry_answering(reply)
    client.schemas([1])
    assert asked[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("name", ["", ".", "a\0b", "z" * 300, "/etc/x", "../x", "\ud800"])
def test_an_import_that_no_file_can_be_called_makes_a_schema_unusable(name):
    with pytest.raises(UnusableProtoError):
        compile_texts('syntax = "proto3";', {name: 'syntax = "proto3";'})
