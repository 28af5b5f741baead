"""Fetches taken apart before they are decoded, and what was decoded put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from monitor.decoded import Decoded, Rejects
from monitor.pending import concatenated
from monitor.types import Batch, Fetch, IntArray


def part_of(fetch: Fetch, rows: IntArray, values: pa.BinaryArray) -> Fetch:
    """Return the records `rows` of a fetch with other values."""
    index = pa.array(rows)
    headers = fetch.headers
    return replace(
        fetch,
        offsets=fetch.offsets[rows],
        timestamps_ms=fetch.timestamps_ms[rows],
        keys=fetch.keys.take(index),
        values=values,
        headers=None if headers is None else [headers[i] for i in rows.tolist()],
    )


def whole_of(parts: Sequence[tuple[IntArray, Decoded]], rejects: Rejects) -> Decoded:
    """Return what became of a fetch from its parts, one or more, each given with its records' index in the fetch.

    The parts follow each other; `rejects` are of the records that are in no part.
    """
    decoded = [found for _, found in parts]
    index = np.concatenate([rejects.index, *(rows[found.rejects.index] for rows, found in parts)])
    reasons = np.array([*rejects.reasons, *(reason for found in decoded for reason in found.rejects.reasons)], object)
    order = np.argsort(index, kind="stable")
    return Decoded(
        _below([found.batch for found in decoded]),
        Rejects(index[order], tuple(reasons[order])),
        sum(found.filtered for found in decoded),
        tuple(sorted({name for found in decoded for name in found.unknown_fields})),
    )


def _below(batches: Sequence[Batch]) -> Batch:
    """Return batches of one partition below each other."""
    if len(batches) == 1:
        return batches[0]
    return Batch(
        batches[0].partition,
        np.concatenate([batch.offsets for batch in batches]),
        np.concatenate([batch.timestamps_ms for batch in batches]),
        np.concatenate([batch.event_times_ms for batch in batches]),
        {path: concatenated([batch.columns[path] for batch in batches]) for path in batches[0].columns},
    )
