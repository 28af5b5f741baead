"""JSON that its producer gzipped: streams cut, damaged, glued together, and small ones of large content."""

from __future__ import annotations

import gzip

from monitor.decoders import JsonSpec
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.formats import as_json, record

GOOD = gzip.compress(as_json(record(1)), mtime=0)
SEEDS = (
    GOOD,
    joined(GOOD, GOOD + GOOD, GOOD[:-4]),
    gzip.compress(b"{" * 1_000_000, mtime=0),
    joined(gzip.compress(b"", mtime=0), b"\x1f\x8b\x08\0\0\0\0\0\0\3"),
)
TARGET = Target(lambda: decoding(lambda: JsonSpec(compression="gzip").build(PLAN), GOOD), SEEDS)
