"""Sums of random Fourier features of a group of numeric fields, from which a kernel distance is made."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.group_frame import GroupFrame
from monitor.accumulators.grouping import group_sizes
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups, IntArray

_BLOCK_ROWS = 4_096


class FourierSpec(Spec):
    """Count and sums of the random Fourier features of several number fields together."""

    kind: Literal["fourier"] = "fourier"
    group: str
    fields: tuple[str, ...] = Field(min_length=1)
    features: int = Field(default=256, ge=2, multiple_of=2)

    @property
    def frame_key(self) -> str:
        """The name under which the baseline keeps the group's frame."""
        return self.group

    def build(self, frame: GroupFrame | None, groups: int) -> Fourier:
        """Return an empty accumulator on the frame; one that leaves values as they are where there is none yet."""
        return Fourier(frame or GroupFrame.plain(self.fields, self.features), groups)


class Fourier:
    """Per group: `n`, the complete rows, and `sums` (features) of their features, each between -1 and 1.

    Rows where a field has no usable value are left out; values are limited and standardised by the frame. Sums can be
    added and subtracted. Guarantee: counts are exact, sums to n·1e-16 however the rows were batched and merged.
    Memory: groups · features · 8 bytes.
    """

    def __init__(self, frame: GroupFrame, groups: int) -> None:
        """Start empty, with `groups` groups."""
        self.frame = frame
        self.n: IntArray = np.zeros(groups, np.int64)
        self.sums: FloatArray = np.zeros((groups, 2 * (frame.features // 2)))

    @property
    def mean(self) -> FloatArray:
        """The mean features (groups x features); 0 where there is no complete row."""
        return np.asarray(self.sums / np.maximum(self.n, 1)[:, None])

    def update(self, columns: tuple[Column, ...], groups: Groups) -> None:
        """Fold the complete rows in; no row changes nothing."""
        matrix, complete = self.frame.standardised(columns)
        if not len(matrix):
            return
        inner = groups if complete is None else groups.take(complete)
        self.n += group_sizes(len(matrix), inner)
        for start in range(0, len(matrix), _BLOCK_ROWS):
            features = self.frame.fourier(matrix[start : start + _BLOCK_ROWS])
            self.sums[0] += features.sum(axis=0)
            for codes in inner.codes:
                block = codes[start : start + _BLOCK_ROWS]
                # A product with the groups' membership is summed by BLAS, many times as fast as row by row.
                present, places = np.unique(block, return_inverse=True)
                member = np.zeros((present.size, block.size))
                member[places, np.arange(block.size)] = 1.0
                self.sums[present] += member @ features

    def merge(self, other: Fourier) -> None:
        """Add another one on the same frame and groups; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        self.n += other.n
        self.sums += other.sums

    def scaled(self, weights: FloatArray) -> Fourier:
        """Return a new one of about `weights` (one a group) times the rows; the mean features stay what they are."""
        scaled = Fourier(self.frame, len(self.n))
        scaled.n = np.rint(self.n * weights).astype(np.int64)
        scaled.sums = self.sums * (scaled.n / np.maximum(self.n, 1))[:, None]
        return scaled

    def state(self) -> State:
        """Return copies of count and sums with the digest of the frame."""
        return {"frame": self.frame.digest, "n": self.n.copy(), "sums": self.sums.copy()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        self.n, self.sums = stored_array(state, "n", self.n), stored_array(state, "sums", self.sums)
