"""Rows for the checks of order: a number, a device, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.types import Batch, Column, MaskArray, Presence, TopicPartition

PARTITION = TopicPartition("t", 0)


def rows_of(
    numbers: Sequence[float | None],
    devices: Sequence[str | None] | None = None,
    partition: TopicPartition = PARTITION,
) -> Batch:
    """Return rows of `seq` and `device`; None is null."""
    n = len(numbers)
    columns = {"seq": Column(np.array([0.0 if x is None else x for x in numbers], np.float64), _marks(numbers))}
    if devices is not None:
        texts = pa.array(["" if d is None else d for d in devices], pa.string())
        columns["device"] = Column(texts, _marks(devices))
    offsets = np.arange(n, dtype=np.int64)
    return Batch(partition, offsets, offsets, offsets, columns)


def outcome(check: Any, batch: Batch) -> list[bool | None]:
    """Return for each row whether it failed, None where it was not evaluated."""
    failed, evaluated = check.failures(batch)
    assert failed.dtype == evaluated.dtype == np.bool_
    assert not (failed & ~evaluated).any()
    return as_list(failed, evaluated)


def as_list(failed: MaskArray, evaluated: MaskArray) -> list[bool | None]:
    """Return masks as a list of True, False and None."""
    return [f if e else None for f, e in zip(failed.tolist(), evaluated.tolist(), strict=True)]


def _marks(values: Sequence[Any]) -> Any:
    return np.array([Presence.NULL if v is None else Presence.OK for v in values], np.uint8)
