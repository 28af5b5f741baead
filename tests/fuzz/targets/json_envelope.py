"""JSON rows inside a change event of Debezium."""

from __future__ import annotations

from monitor.decoders import JsonSpec
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.formats import as_json, record

GOOD = as_json({"op": "c", "before": None, "after": record(1)})
SEEDS = (
    joined(GOOD, as_json({"op": "d", "before": record(2), "after": None}), as_json({"op": "t"})),
    joined(b'{"op":["d"],"after":1}', b'{"op":"d","after":{"at":"x"}}', b'{"after":[]}', b'{"op":"m"}'),
)
TARGET = Target(lambda: decoding(lambda: JsonSpec(envelope="debezium").build(PLAN), GOOD), SEEDS)
