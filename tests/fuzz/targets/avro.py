"""Avro behind ids of schemas: one for the columnar reader, one for the other, one of bytes, maps and decimals."""

from __future__ import annotations

import json

from monitor.decoders.avro import AvroDecoder
from monitor.protocols import Decoder
from tests.fuzz.answers import registry_of
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.formats import AVRO, BYTES_AVRO, LOOSE_AVRO, avro, framed, record

GOOD = framed(1, avro(AVRO)(record(1)))


def with_registry() -> Decoder:
    """Return a decoder with a registry that knows three schemas."""
    schemas = {f"/schemas/ids/{n}": {"schema": json.dumps(s)} for n, s in enumerate((AVRO, LOOSE_AVRO, BYTES_AVRO), 1)}
    return AvroDecoder(PLAN, registry=registry_of(schemas), schema=None)


SEEDS = (
    joined(GOOD, framed(2, avro(LOOSE_AVRO)(record(1))), framed(9, b"x")),
    joined(
        framed(3, b"\x80\x88\x9a\xfa\xd4\x66\x04\x01\x02\x00abc"),
        framed(1, b""),
        framed(2, b"\x08\xff\xff\xff\xff\xff\x0f"),
    ),
)
TARGET = Target(lambda: decoding(with_registry, GOOD), SEEDS)
