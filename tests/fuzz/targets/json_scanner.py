"""JSON, by the scanner in C where there is one, and by DuckDB what that leaves over."""

from __future__ import annotations

from monitor.decoders import JsonSpec
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.bad_records import ENCODING, MALFORMED, NOT_OBJECT
from tests.support.formats import as_json, record

GOOD = as_json(record(1))
SEEDS = (
    joined(GOOD, as_json(record(2, amount="1", country=None))),
    joined(b'{"at":1e400,"amount":NaN,"country":["\\ud800"]}', b'{"at":1,"at":2,"merchant":{"mcc":{"x":[[[1]]]}}}'),
    joined(*MALFORMED[:16]),
    joined(*ENCODING[:8], *NOT_OBJECT[:8]),
)
TARGET = Target(lambda: decoding(lambda: JsonSpec().build(PLAN), GOOD), SEEDS)
