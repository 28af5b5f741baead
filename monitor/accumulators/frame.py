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
from monitor.accumulators.small_cells import SMALL_CELL, merge_small
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import FloatArray, IntArray, MaskArray

GRID_LEVELS = 50


def _none(dtype: type[Any]) -> NDArray[Any]:
    return np.zeros(0, dtype)


@dataclass(frozen=True, eq=False)
class Frame:
    """The ruler of one field, frozen with the baseline's version; current rows never move it.

    Numbers: `grid`, ascending distinct cuts: the quantiles i/50 of the baseline's finite values (linear
    interpolation), and at either side of every atom, a value with at least 1/50 of the rows and at least 5, so that
    it has a cell of its own; at most 149 in all. `levels[i-1]`, the place of quantile i/50 in the grid (49, or 0
    without values); `low` and `high`, the smallest and largest value (NaN without values).
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
        grid = np.unique(np.concatenate((quantiles, _around_atoms(finite))))
        levels = np.searchsorted(grid, quantiles)
        counts = np.diff(np.searchsorted(finite, grid, side="left"), prepend=0, append=finite.size)
        return cls(
            grid=grid,
            levels=levels.astype(np.int64),
            low=float(finite[0]),
            high=float(finite[-1]),
            counts=counts.astype(np.int64),
        )

    @classmethod
    def of_categories(
        cls, values: Any, counts: IntArray | None = None, *, max_categories: int, max_keys: int | None = None
    ) -> Frame:
        """Return the frame of a category field from an Arrow array of its baseline values, nulls left out.

        With `counts`, value i occurred counts[i] times; a value may then stand in several places. With `max_keys` only
        so many values are known, the most frequent; the baseline's rows with others are unseen too.
        """
        weights = np.ones(len(values), np.int64) if counts is None else counts
        table = pa.table({"value": values.cast(pa.string()), "count": weights}).filter(pc.field("value").is_valid())
        totals = table.group_by("value").aggregate([("count", "sum")])
        ordered = totals.sort_by([("count_sum", "descending"), ("value", "ascending")]).combine_chunks()
        amounts = ordered["count_sum"].to_numpy().astype(np.int64)
        known = len(ordered) if max_keys is None else min(max_keys, len(ordered))
        keys = [hash_strings(chunk) for chunk in ordered["value"].slice(0, known).chunks]
        return cls(
            categories=tuple(ordered["value"].slice(0, max_categories).to_pylist()),
            keys=np.unique(np.concatenate(keys)) if keys else _none(np.uint64),
            counts=np.concatenate(
                (amounts[:max_categories], [amounts[known:].sum(), amounts[max_categories:known].sum()])
            ).astype(np.int64),
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
            found = merge_small(starts, np.add.reduceat(self.counts, starts), self._single(starts))
            self._starts[buckets] = found
            found.setflags(write=False)
        return found

    def edges(self, buckets: int) -> FloatArray:
        """Return the cuts really in use for `buckets` equal shares, ascending; cells are cuts + 1.

        The cuts are the baseline's quantiles i/buckets, each taken at the nearest multiple of 1/50, ties
        removed, and those around every value with at least 1/buckets of the rows. Then, judged by the baseline's
        own counts: a cell of fewer than 5 rows is merged into its left neighbour, or its right one (see
        `merge_small`); of several such cells in a row, those that together reach 5 stay a cell. An empty first or
        last cell is kept as it is: new values land there. Without baseline values there is no cut.
        """
        return self.grid[self.starts(buckets)[1:] - 1]

    @cached_property
    def single(self) -> MaskArray:
        """Which cells of the grid can hold one value only."""
        return self._single(np.arange(self.grid.size + 1))

    def _single(self, starts: IntArray) -> MaskArray:
        """Return which of the cells that begin at these cells of the grid can hold one value only."""
        found = np.zeros(starts.size, np.bool_)
        inner, after = starts[1:-1], starts[2:]
        found[1:-1] = self.grid[after - 1] == np.nextafter(self.grid[inner - 1], np.inf)
        return found

    def _cuts(self, buckets: int) -> IntArray:
        if self.levels.size == 0:
            return _none(np.int64)
        steps = np.arange(1, buckets) * GRID_LEVELS / buckets
        quantiles = self.levels[np.clip(np.floor(steps + 0.5).astype(np.int64), 1, GRID_LEVELS - 1) - 1]
        heavy = (self.counts * buckets >= self.counts.sum()) & (self.counts >= SMALL_CELL)
        atoms = np.flatnonzero(self.single & heavy)
        return np.unique(np.concatenate((quantiles, atoms - 1, atoms)))

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
        except DAMAGE as error:
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


def _around_atoms(ordered: FloatArray) -> FloatArray:
    """Return the cuts at and just above each value that is frequent among these finite, ascending ones."""
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(starts, append=ordered.size)
    atoms = ordered[starts[(counts * GRID_LEVELS >= ordered.size) & (counts >= SMALL_CELL)]]
    with np.errstate(over="ignore"):
        above = np.nextafter(atoms, np.inf)
    return np.concatenate((atoms, above[np.isfinite(above)]))


EMPTY_FRAME = Frame()
"""The frame of a field without baseline: one grid cell, no category."""
