"""Fetches made by hand, and columns as plain Python values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.decoded import Decoded
from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.protocols import Decoder
from monitor.types import Column, Fetch, FieldType, Headers, Presence, TopicPartition

NOW_MS = 1_763_700_000_000
PARTITION = TopicPartition("orders", 3)


def fetch_of(
    values: Sequence[bytes | None],
    *,
    keys: Sequence[bytes | None] | None = None,
    timestamps_ms: Sequence[int] | None = None,
    headers: Sequence[Headers] | None = None,
    first_offset: int = 0,
) -> Fetch:
    """Return a fetch of the records, stamped NOW_MS unless said otherwise."""
    n = len(values)
    return Fetch(
        PARTITION,
        np.arange(first_offset, first_offset + n),
        np.full(n, NOW_MS) if timestamps_ms is None else np.array(timestamps_ms, np.int64),
        pa.array([None] * n if keys is None else keys, pa.binary()),
        pa.array(values, pa.binary()),
        headers,
        first_offset + n,
    )


def decode(
    values: Sequence[bytes | None],
    fields: Mapping[str, FieldType] | None = None,
    time: EventTimePlan | None = None,
    **fetch: Any,
) -> Decoded:
    """Return what a JSON decoder makes of the records; without `time` the record's timestamp counts."""
    return _decoder(tuple((fields or {}).items()), time or EventTimePlan()).decode(fetch_of(values, **fetch))


@lru_cache
def _decoder(fields: tuple[tuple[str, FieldType], ...], time: EventTimePlan) -> Decoder:
    """Return a decoder, which is costlier to build than a small fetch is to decode."""
    return JsonSpec().build(DecodePlan(dict(fields), time))


def cells(column: Column) -> list[Any]:
    """Return each row's value where its presence is OK, and the name of its presence where not."""
    values = column.values.tolist() if isinstance(column.values, np.ndarray) else column.values.to_pylist()
    return [
        value if presence == Presence.OK else Presence(presence).name
        for value, presence in zip(values, column.presence.tolist(), strict=True)
    ]


def reasons(decoded: Decoded) -> dict[int, str]:
    """Return the reason of each reject by its index in the fetch."""
    return dict(zip(decoded.rejects.index.tolist(), decoded.rejects.reasons, strict=True))
