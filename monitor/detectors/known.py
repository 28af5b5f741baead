"""What detectors of categories read: counts by known value, then of unseen and other ones."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from monitor.accumulators.frame import Frame
from monitor.types import FloatArray, IntArray


class Known(Protocol):
    """Counts (groups x (K + 2)) of the K known values in the frame's order, then unseen, then other."""

    @property
    def counts(self) -> IntArray:
        """The rows per group and value."""
        ...

    @property
    def frame(self) -> Frame:
        """The frame that owns the known values."""
        ...

    def cells(self, buckets: int, /) -> IntArray:
        """Return the counts with rare known values put to the other ones."""
        ...


def in_cells(known: Known, contributions: FloatArray) -> FloatArray:
    """Return numbers by value (groups x (K + 2)) as numbers by cell, those of rare known values added to other."""
    kept = known.cells(0).shape[1] - 2
    return np.concatenate(
        (
            contributions[:, :kept],
            contributions[:, -2:-1],
            contributions[:, -1:] + contributions[:, kept:-2].sum(axis=1, keepdims=True),
        ),
        axis=1,
    )
