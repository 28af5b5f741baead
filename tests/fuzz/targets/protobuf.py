"""Protobuf messages of one schema, nested and repeated ones too."""

from __future__ import annotations

from monitor.decoders.protobuf import ProtobufDecoder
from monitor.decoders.protobuf_schema import compile_texts, message_named
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target, Try
from tests.support.formats import PROTO, proto, record

GOOD = (
    bytes.fromhex("0a05")
    + b"tx-1-"
    + bytes.fromhex("1081dda7edaa33190000000000000440200128012a00").replace(b"*\0", b"")
)
"""Written out, as a compiler is needed to write one."""


def build() -> Try:
    """Return what feeds records to a decoder of the usual message."""
    file = compile_texts(PROTO, {})
    message = message_named(file, "shop.Payment")
    return decoding(lambda: ProtobufDecoder(PLAN, registry=None, message=message), proto(file)(record(1)))


SEEDS = (
    joined(GOOD, b"\x32\x04\x0a\x02\xff\xfe", b"\x0b" * 200, b"\x33\x34"),
    joined(b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0a\xff\xff\xff\xff\x0f", b"\x28\x09", b""),
)
TARGET = Target(build, SEEDS)
