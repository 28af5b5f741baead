"""The schema registry is down when a schema comes that nobody has asked for yet."""

from __future__ import annotations

import json
import struct
from typing import Any

from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.load import Load
from tests.faults.suite.scene import Scene
from tests.support.registry import RegistryServer

_SCHEMA = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "at", "type": "long"},
        {"name": "amount", "type": "double"},
        {"name": "country", "type": ["null", "string"]},
    ],
}


def encoded(row: dict[str, Any]) -> bytes:
    """Return a row as the Avro that the schema describes."""
    country = row["country"]
    text = b"\x00" if country is None else b"\x02" + _varint(len(country)) + country.encode()
    return _varint(row["at"]) + struct.pack("<d", row["amount"]) + text


def _varint(value: int) -> bytes:
    """Return a zigzag number of Avro's."""
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


class Framed(Load):
    """Avro in Confluent's wire format; what is broken stays so."""

    schema = 1

    def send(self, value: bytes, partition: int) -> None:
        """Write a record by the present schema."""
        if value.startswith(b'{"at"'):
            value = struct.pack(">bI", 0, self.schema) + encoded(json.loads(value))
        super().send(value, partition)


def with_registry(scene: Scene) -> None:
    """Let records be Avro, by a registry."""
    server = RegistryServer().__enter__()
    scene.after.callback(server.__exit__, None, None, None)
    server.register(f"{scene.topic}-value", _SCHEMA)
    scene.share(decoder={"kind": "avro", "schema_registry": {"url": server.url}})
    scene.load = Framed(scene.broker, scene.topic, scene.load.at_ms)
    scene.registry = server


def fail(scene: Scene) -> None:
    """Let the registry answer 503 while records of a new schema come."""
    server, load = scene.registry, scene.load
    assert isinstance(server, RegistryServer)
    assert isinstance(load, Framed)
    scene.until_reading(200)
    server.failing = 503
    load.schema = server.register(f"{scene.topic}-value", _SCHEMA)
    scene.until(lambda: scene.metric("driftline_decoder_waiting") == 1, "waiting for the registry")
    scene.wait(3, 6)
    server.failing = None
    scene.notes["back after s"] = round(scene.until_reading(200), 1)


register(
    Fault(
        "registry-down",
        "the schema registry answers 503 while records of a new schema come",
        fail,
        repeats=2,
        clients=BOTH,
        prepare=with_registry,
    )
)
