"""MessagePack: maps of everything, extensions, lengths that are lies."""

from __future__ import annotations

from monitor.decoders import MsgpackSpec
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.formats import as_msgpack, record

GOOD = as_msgpack(record(1))
SEEDS = (
    joined(GOOD, as_msgpack(record(2, amount="x", merchant=[1]))),
    joined(
        b"\xdf\xff\xff\xff\xff", b"\xdd\x7f\xff\xff\xff", b"\xc7\x0c\xff" + b"\xff" * 12, b"\x81" * 300, b"\xc1", b""
    ),
)
TARGET = Target(lambda: decoding(lambda: MsgpackSpec().build(PLAN), GOOD), SEEDS)
