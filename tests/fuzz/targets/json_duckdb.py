"""JSON, all of it by DuckDB, as where nothing was compiled."""

from __future__ import annotations

from monitor.decoders.json import JsonDecoder
from monitor.protocols import Decoder
from tests.fuzz.records import PLAN, decoding
from tests.fuzz.target import Target
from tests.fuzz.targets.json_scanner import GOOD, SEEDS


def without_scanner() -> Decoder:
    """Return a decoder that has no scanner."""
    decoder = JsonDecoder(PLAN)
    decoder._scanner = None
    return decoder


TARGET = Target(lambda: decoding(without_scanner, GOOD), SEEDS)
