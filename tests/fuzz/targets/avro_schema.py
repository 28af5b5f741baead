"""Schemas of Avro that a registry hands out: any JSON, and a record read with what comes of it."""

from __future__ import annotations

import json

import numpy as np

from monitor.decoders.avro import AvroDecoder
from monitor.decoders.preparing import prepare
from tests.fuzz.answers import registry_of
from tests.fuzz.records import PLAN
from tests.fuzz.target import Target, Try
from tests.fuzz.targets.avro import BYTES_AVRO
from tests.support.formats import AVRO, LOOSE_AVRO, balanced, fetch_of, framed

_BODIES = (b"", b"\0" * 64, b"\2\2\2\2" * 16, bytes(range(64)), b"\xff\xff\xff\xff\x0f" * 12)


def build() -> Try:
    """Return what gives an input as the schema of id 1 and decodes a few records with it."""
    fetch = fetch_of([framed(1, body) for body in _BODIES])

    def attempt(data: bytes) -> None:
        schema = data.decode("utf-8", "replace")
        decoder = AvroDecoder(PLAN, registry=registry_of({"/schemas/ids/1": {"schema": schema}}), schema=None)
        prepare(decoder, fetch)
        decoded = decoder.decode(fetch)
        assert balanced(fetch, decoded)
        for column in decoded.batch.columns.values():
            if not isinstance(column.values, np.ndarray):
                column.values.validate(full=True)

    return attempt


SEEDS = tuple(
    json.dumps(schema).encode()
    for schema in (
        *(AVRO, LOOSE_AVRO, BYTES_AVRO, "long", [], ["null", "long"], {"type": "array", "items": "null"}),
        {"type": "record", "name": "R", "fields": [{"name": "at", "type": ["null", "R"]}]},
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": "at", "type": {"type": "fixed", "name": "F", "size": 9**20}}],
        },
    )
)
TARGET = Target(build, SEEDS)
