"""Ready-made counts in the shape of the accumulators that detectors compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.accumulators.categories import Categories, CategoriesSpec
from monitor.accumulators.frame import Frame
from monitor.accumulators.histogram import Histogram, HistogramSpec
from monitor.types import Column, FloatArray, Groups, IntArray, MaskArray


@dataclass(frozen=True)
class FixedCells:
    """Counts (groups x cells) given outright; `sums` default to cell i holding values of i + ½ on unit cuts."""

    counts: IntArray
    given_sums: FloatArray | None = None

    @classmethod
    def of(cls, *groups: Any) -> FixedCells:
        """Return the cells of the groups' counts, one sequence each."""
        return cls(np.array(groups, np.int64))

    @property
    def frame(self) -> Frame:
        """The frame whose cuts are 1, 2, … up to one less than the cells."""
        return Frame(grid=np.arange(1.0, self.counts.shape[1]))

    @property
    def sums(self) -> FloatArray:
        """The sums of the values in the cells."""
        if self.given_sums is not None:
            return self.given_sums
        return self.counts * (np.arange(self.counts.shape[1]) + 0.5)

    def cells(self, buckets: int) -> IntArray:
        """Return the counts as they are."""
        return self.counts

    @property
    def single(self) -> MaskArray:
        """That no cell is of one value only."""
        return np.zeros(self.counts.shape[1], np.bool_)


@dataclass(frozen=True)
class FixedCategories:
    """Counts (groups x (K + 2)) given outright: K known values, unseen, other; the frame's own counts apart."""

    counts: IntArray
    frame_counts: IntArray

    @property
    def frame(self) -> Frame:
        """The frame of the values `0`, `1`, …, with a tail of as many rare values as it has rows."""
        known = len(self.frame_counts) - 2
        keys = np.arange(known + int(self.frame_counts[-1]), dtype=np.uint64)
        return Frame(categories=tuple(str(i) for i in range(known)), keys=keys, counts=self.frame_counts)

    def cells(self, buckets: int) -> IntArray:
        """Return the counts as they are, no value being rare."""
        return self.counts


def histograms_of(windows: FloatArray, frame: Frame) -> Histogram:
    """Return the histogram of many windows (windows x rows), each a group of its own."""
    groups, cells = len(windows), frame.grid.size + 1
    flat = np.searchsorted(frame.grid, windows, side="right") + np.arange(groups)[:, None] * cells
    counts, sums = (np.bincount(flat.ravel(), weights, groups * cells) for weights in (None, windows.ravel()))
    histogram = HistogramSpec(field="x").build(frame, groups)
    frozen = {"counts": counts.reshape(groups, cells), "scaled_sums": sums.reshape(groups, cells) / 2.0**64}
    histogram.load({"frame": frame.digest, **frozen})
    return histogram


def categories_of(counts: IntArray, frame: Frame) -> Categories:
    """Return the categories accumulator that has counted so (groups x (known + 2))."""
    categories = CategoriesSpec(field="x").build(frame, len(counts))
    categories.load({"frame": frame.digest, "counts": counts})
    return categories


def histogram_of(values: FloatArray, frame: Frame) -> Histogram:
    """Return the real histogram of finite values on a frame, one group."""
    histogram = HistogramSpec(field="x").build(frame, 1)
    histogram.update(Column(values, np.zeros(len(values), np.uint8)), Groups())
    return histogram
