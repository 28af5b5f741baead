"""What every decoder does with its columns in the end: event time, the record's own fields, the accounts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monitor.decoded import Decoded
from monitor.decoders.duck import Duck
from monitor.decoders.envelope import envelope_columns
from monitor.decoders.event_time import FAULTS, event_times
from monitor.decoders.plan import DecodePlan
from monitor.decoders.records import Sieve
from monitor.types import Batch, Column, Fetch, FieldType, IntArray

_SAMPLE_EVERY = 64
"""Unknown fields are looked for in the records whose offset is a multiple of this."""


def asked_fields(plan: DecodePlan) -> dict[str, FieldType]:
    """Return the fields to be read from the values: those of the plan, and the event time's."""
    fields: dict[str, FieldType] = dict(plan.payload_fields)
    time = plan.event_time
    if time.path is not None and time.path not in fields:
        fields[time.path] = "text" if time.unit == "iso8601" else "number"
    return fields


def sampled(fetch: Fetch, sieve: Sieve) -> IntArray:
    """Return which of the rows are looked at for unknown fields; by offset, so that a replay sees the same."""
    return np.flatnonzero(fetch.offsets[sieve.rows] % _SAMPLE_EVERY == 0)


def finish(
    duck: Duck,
    plan: DecodePlan,
    fetch: Fetch,
    sieve: Sieve,
    columns: Mapping[str, Column],
    unknown_fields: tuple[str, ...] = (),
) -> Decoded:
    """Return what became of a fetch, given the columns of `asked_fields` for the rows still in the sieve.

    Rows without a plausible event time become rejects.
    """
    path = plan.event_time.path
    column = columns[path] if path is not None else None
    times, faults = event_times(duck, plan.event_time, column, fetch.timestamps_ms[sieve.rows])
    wanted = {name: columns[name] for name in plan.payload_fields}
    if faults.any():
        stay = np.flatnonzero(sieve.reject_each(faults, FAULTS))
        times = times[stay]
        wanted = {name: column.take(stay) for name, column in wanted.items()}
    rows = sieve.rows
    wanted |= envelope_columns(duck, fetch, rows, plan.record_fields)
    batch = Batch(fetch.partition, fetch.offsets[rows], fetch.timestamps_ms[rows], times, wanted)
    return Decoded(batch, sieve.rejects(), sieve.filtered, unknown_fields)
