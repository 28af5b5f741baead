"""What the baseline froze for one field: the cuts or categories on which current rows are counted."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.accumulators.hashing import HashArray, hash_strings
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.types import FloatArray, IntArray, MaskArray

GRID_LEVELS = 50
SMALL_CELL = 5
"""Cells that held fewer baseline rows than this are merged, as chi-square theory asks."""


def _none(dtype: type[Any]) -> NDArray[Any]:
    return np.zeros(0, dtype)


@dataclass(frozen=True, eq=False)
class Frame:
    """The ruler of one field, frozen with the baseline's version; current rows never move it.

    Numbers: `grid`, at most 49 ascending distinct cuts, the quantiles i/50 of the baseline's finite values
    (linear interpolation); `levels[i-1]`, the place of quantile i/50 in the grid (49, or 0 without values);
    `low` and `high`, the smallest and largest value (NaN without values).
    Categories: the most frequent values, by falling count, ties by code point; `keys`, the ascending hashes
    of every value that occurred.
    `counts`: the baseline's rows per cell, of the grid (cuts + 1) or of known, unseen (0) and other values.
    """

    grid: FloatArray = field(default_factory=lambda: _none(np.float64))
    levels: IntArray = field(default_factory=lambda: _none(np.int64))
    low: float = float("nan")
    high: float = float("nan")
    categories: tuple[str, ...] = ()
    keys: HashArray = field(default_factory=lambda: _none(np.uint64))
    counts: IntArray = field(default_factory=lambda: np.zeros(2, np.int64))
    _starts: dict[int, IntArray] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of_numbers(cls, values: FloatArray) -> Frame:
        """Return the frame of a number field from all its baseline values; those not finite are left out."""
        finite = np.sort(values[np.isfinite(values)]) + 0.0
        if finite.size == 0:
            return cls()
        # Halved, so that the interpolation between -1e308 and 1e308 does not overflow; halving is exact.
        quantiles = np.quantile(finite / 2, np.arange(1, GRID_LEVELS) / GRID_LEVELS, method="linear") * 2
        grid, levels = np.unique(quantiles, return_inverse=True)
        counts = np.diff(np.searchsorted(finite, grid, side="left"), prepend=0, append=finite.size)
        return cls(
            grid=grid,
            levels=levels.astype(np.int64),
            low=float(finite[0]),
            high=float(finite[-1]),
            counts=counts.astype(np.int64),
        )

    @classmethod
    def of_categories(cls, values: Any, counts: IntArray | None = None, *, max_categories: int) -> Frame:
        """Return the frame of a category field from an Arrow array of its baseline values, nulls left out.

        With `counts`, value i occurred counts[i] times; a value may then stand in several places.
        """
        weights = np.ones(len(values), np.int64) if counts is None else counts
        table = pa.table({"value": values.cast(pa.string()), "count": weights}).filter(pc.field("value").is_valid())
        totals = table.group_by("value").aggregate([("count", "sum")])
        ordered = totals.sort_by([("count_sum", "descending"), ("value", "ascending")]).combine_chunks()
        amounts = ordered["count_sum"].to_numpy().astype(np.int64)
        keys = [hash_strings(chunk) for chunk in ordered["value"].chunks]
        return cls(
            categories=tuple(ordered["value"].slice(0, max_categories).to_pylist()),
            keys=np.unique(np.concatenate(keys)) if keys else _none(np.uint64),
            counts=np.concatenate((amounts[:max_categories], [0, amounts[max_categories:].sum()])).astype(np.int64),
        )

    @cached_property
    def digest(self) -> str:
        """A short stable identity: frames with equal content have equal digests."""
        text = json.dumps(self.state(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def require_same(self, other: Frame) -> None:
        """Raise ValueError unless the other frame has the same content."""
        if self is not other and self.digest != other.digest:
            raise ValueError("accumulators on different frames cannot be merged")

    def starts(self, buckets: int) -> IntArray:
        """Return the first grid cell of each of the cells that `edges(buckets)` makes; begins with 0.

        Found once for each `buckets`, since every comparison of every window asks; the array is read-only.
        """
        found = self._starts.get(buckets)
        if found is None:
            starts = np.concatenate(([0], self._cuts(buckets) + 1))
            found = self._starts[buckets] = _merge_small(starts, np.add.reduceat(self.counts, starts))
            found.setflags(write=False)
        return found

    def edges(self, buckets: int) -> FloatArray:
        """Return the cuts really in use for `buckets` equal shares, ascending; cells are cuts + 1.

        The cuts are the baseline's quantiles i/buckets, each taken at the nearest multiple of 1/50, ties
        removed. Then, judged by the baseline's own counts: a cell of fewer than 5 rows is merged into its
        left neighbour (the first into its right one); of several such cells in a row, those that together
        reach 5 stay a cell. An empty first or last cell is kept as it is: new values land there. Without
        baseline values there is no cut.
        """
        return self.grid[self.starts(buckets)[1:] - 1]

    def _cuts(self, buckets: int) -> IntArray:
        if self.levels.size == 0:
            return _none(np.int64)
        steps = np.arange(1, buckets) * GRID_LEVELS / buckets
        return np.unique(self.levels[np.clip(np.floor(steps + 0.5).astype(np.int64), 1, GRID_LEVELS - 1) - 1])

    def labels(self) -> tuple[str, ...]:
        """Return the names of `Categories.cells()`: kept values, then `unseen` and `other` in brackets."""
        kept = int(np.count_nonzero(self.counts[: len(self.categories)] >= SMALL_CELL))
        return (*self.categories[:kept], "(unseen)", "(other)")

    def has_keys(self, hashes: HashArray) -> MaskArray:
        """Return which of the hashes belong to a value that occurred in the baseline."""
        if self.keys.size == 0:
            return np.zeros(hashes.size, np.bool_)
        at = np.minimum(np.searchsorted(self.keys, hashes), self.keys.size - 1)
        known: MaskArray = self.keys[at] == hashes
        return known

    def state(self) -> State:
        """Return the content as JSON-able values; floats survive JSON exactly, keys are base64."""
        return {
            "grid": self.grid.tolist(),
            "levels": self.levels.tolist(),
            "low": None if np.isnan(self.low) else self.low,
            "high": None if np.isnan(self.high) else self.high,
            "categories": list(self.categories),
            "keys": base64.b64encode(self.keys.astype("<u8").tobytes()).decode(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def of_state(cls, state: State) -> Frame:
        """Return the frame that `state` describes; raises StoreError where something is absent or no number."""
        try:
            low, high = (float("nan") if state[end] is None else float(state[end]) for end in ("low", "high"))
            frame = cls(
                grid=np.array(state["grid"], np.float64),
                levels=np.array(state["levels"], np.int64),
                low=low,
                high=high,
                categories=tuple(state["categories"]),
                keys=np.frombuffer(base64.b64decode(state["keys"], validate=True), "<u8").astype(np.uint64),
                counts=np.array(state["counts"], np.int64),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"stored frame is not usable: {error}; build the baseline again") from error
        if not frame._consistent():
            raise StoreError("stored frame's cuts, levels, categories and counts do not fit; build the baseline again")
        return frame

    def _consistent(self) -> bool:
        """Return whether the parts fit each other, as far as counting on them needs it."""
        cells = self.grid.size + 1 if self.grid.size else len(self.categories) + 2
        if self.counts.shape != (cells,) or self.levels.shape != ((GRID_LEVELS - 1,) if self.grid.size else (0,)):
            return False
        ascending = bool(np.isfinite(self.grid).all() and (np.diff(self.grid) > 0).all())
        placed = bool(((self.levels >= 0) & (self.levels < self.grid.size)).all())
        return ascending and placed and bool((self.counts >= 0).all() and (self.keys[1:] > self.keys[:-1]).all())


def _merge_small(starts: IntArray, counts: IntArray) -> IntArray:
    """Return the starts that remain after small cells were merged, by the rule of `Frame.edges`."""
    small = (counts < SMALL_CELL) & (counts > 0)
    small[1:-1] = counts[1:-1] < SMALL_CELL
    kept: list[int] = []
    ends = int(counts[0] == 0)  # an empty first cell is kept and takes nothing in
    run_start, run_count = -1, 0  # the small cells since the last one kept; -1: none
    for i, start in enumerate(starts.tolist()):
        if small[i]:
            run_start = start if run_start < 0 else run_start
            run_count += int(counts[i])
            if run_count >= SMALL_CELL:
                kept.append(run_start)
                run_start, run_count = -1, 0
            continue
        first = run_start >= 0 and len(kept) == ends  # nothing before the run that could take it in
        if first and counts[i] == 0:
            kept.append(run_start)
        kept.append(run_start if first and counts[i] else start)
        run_start, run_count = -1, 0
    if run_start >= 0 and len(kept) == ends:
        kept.append(run_start)
    return np.array(kept, np.int64)


EMPTY_FRAME = Frame()
"""The frame of a field without baseline: one grid cell, no category."""
