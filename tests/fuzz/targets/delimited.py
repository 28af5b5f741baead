"""CSV: quotes that do not match, line ends inside, numbers of every spelling."""

from __future__ import annotations

from monitor.decoders import DelimitedSpec
from tests.fuzz.records import PLAN, decoding, joined
from tests.fuzz.target import Target
from tests.support.formats import COLUMNS, as_csv, record

GOOD = as_csv(record(1))
SEEDS = (
    joined(GOOD, as_csv(record(2, id='a"b,c', country=None)), GOOD + b"\r\n"),
    joined(b'"a""b,\n",1,+.5e3,1e999,nan,"x",-inf,TRUE', b'"' * 9, b",,,,,,,", b"a\rb", ",".join(COLUMNS).encode()),
)
TARGET = Target(lambda: decoding(lambda: DelimitedSpec(columns=COLUMNS).build(PLAN), GOOD), SEEDS)
