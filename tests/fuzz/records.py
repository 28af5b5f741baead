"""The promise of every decoder, as a target: each record accounted for, no column broken, good neighbours unharmed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monitor.decoders import DecodePlan, EventTimePlan
from monitor.protocols import Decoder
from tests.fuzz.target import Try
from tests.support.decoding import cells
from tests.support.formats import FIELDS, balanced, decoded_by, fetch_of

PLAN = DecodePlan(FIELDS, EventTimePlan("at", "ms"), max_record_bytes=4096)
SEPARATOR = b"\n~\n"
"""An input is several records, so that damage in one can be seen in another."""


def decoding(build: Callable[[], Decoder], good: bytes) -> Try:
    """Return what feeds an input's records to a decoder, between two good ones."""
    decoder = build()
    first = decoded_by(decoder, fetch_of([good]))
    assert len(first.batch) == 1, "the good record is one"
    expected = {path: cells(column) for path, column in first.batch.columns.items()}

    def attempt(data: bytes) -> None:
        fetch = fetch_of([good, *data.split(SEPARATOR)[:16], None, good])
        decoded = decoded_by(decoder, fetch)
        assert balanced(fetch, decoded), "a record is lost or counted twice"
        ends = np.isin(decoded.batch.offsets, [0, len(fetch) - 1])
        assert ends.sum() == 2, "a good record is lost"
        kept = decoded.batch.take(np.flatnonzero(ends))
        for path, column in decoded.batch.columns.items():
            if not isinstance(column.values, np.ndarray):
                column.values.validate(full=True)
            assert cells(kept.columns[path]) == expected[path] * 2, f"{path} of a good record has changed"

    return attempt


def joined(*records: bytes) -> bytes:
    """Return records as one input."""
    return SEPARATOR.join(records)
