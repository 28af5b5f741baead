"""JSON behind the id of a schema: the framing of a registry."""

from __future__ import annotations

from monitor.decoders.framed import Framed
from monitor.decoders.json import JsonDecoder
from monitor.protocols import Decoder
from tests.fuzz.answers import registry_of
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.formats import as_json, framed, record

GOOD = framed(1, as_json(record(1)))


def framed_json() -> Decoder:
    """Return a decoder with a registry that knows schema 1 as one of JSON and 2 as one of Avro."""
    known = {"/schemas/ids/1": {"schema": "{}", "schemaType": "JSON"}, "/schemas/ids/2": {"schema": '"long"'}}
    return Framed(JsonDecoder(PLAN), registry_of(known), "JSON")


SEEDS = (
    joined(GOOD, framed(2, b"{}"), framed(77, b"{}")),
    joined(b"\0\0", b"\1\0\0\0\1{}", b"\0\xff\xff\xff\xff", b""),
)
TARGET = Target(lambda: decoding(framed_json, GOOD), SEEDS)
