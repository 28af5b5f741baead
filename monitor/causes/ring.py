"""The ring: the cells of the last windows, in bounded memory, from which changes are dated and explained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.accumulators.categories import Categories
from monitor.accumulators.histogram import Histogram
from monitor.accumulators.moments import Moments
from monitor.accumulators.presence import PresenceCounts
from monitor.describe import cell_labels
from monitor.plan import MonitorPlan
from monitor.profile import Profile, frame_key
from monitor.protocols import State
from monitor.types import FloatArray, IntArray

WINDOWS = 48
"""So many windows are kept, as far as memory allows."""
MAX_BYTES = 8 << 20
BUCKETS = 10
_MAX_CELLS = 50
_ENOUGH_WINDOWS = 12
_PARTS = ("cells", "sums", "missing")


def cells_of(accumulator: Any) -> IntArray:
    """Return the cells of an accumulator (groups x cells) as the ring keeps them.

    Numbers: 10 of about equal size. Categories: the 48 most frequent, unseen values, all others. Presence: all seven.
    """
    if isinstance(accumulator, PresenceCounts):
        return accumulator.counts
    cells: IntArray = accumulator.cells(BUCKETS)
    if cells.shape[1] <= _MAX_CELLS:
        return cells
    kept = np.concatenate((cells[:, : _MAX_CELLS - 2], cells[:, -2:]), axis=1)
    kept[:, -1] += cells[:, _MAX_CELLS - 2 : -2].sum(axis=1)
    return kept


def labels_of(accumulator: Any) -> tuple[str, ...]:
    """Return the names of `cells_of`."""
    labels = cell_labels(accumulator, BUCKETS)
    return labels if len(labels) <= _MAX_CELLS else (*labels[: _MAX_CELLS - 2], *labels[-2:])


@dataclass(frozen=True, eq=False)
class Entry:
    """One window: its onset time, the cells of all compared accumulators side by side, and what else is kept.

    `sums` are number of values and their mean (2 x number fields x groups), `missing` the share by field, of all rows.
    """

    at_ms: int
    cells: IntArray
    sums: FloatArray
    missing: FloatArray


class Ring:
    """The last 48 windows' cells (groups x cells), and every field's mean and share of missing values.

    Within 8 MiB: where that holds fewer than 12 windows, only the cells of all rows are kept, `groups` is then 1.
    """

    def __init__(self, plan: MonitorPlan) -> None:
        """Start empty, for what the detectors of `plan` compare."""
        profile = plan.profile.empty()
        kinds = Histogram | Categories | PresenceCounts
        wanted = dict.fromkeys(item.needs for item in plan.detectors)
        self.specs = [spec for spec in wanted if isinstance(profile.accumulators.get(spec), kinds)]
        sizes = [cells_of(profile.accumulators[spec]).shape[1] for spec in self.specs]
        ends = np.cumsum([0, *sizes]).tolist()
        self._means = [spec for spec, a in profile.accumulators.items() if isinstance(a, Moments)]
        self._slices = {spec: slice(ends[i], ends[i + 1]) for i, spec in enumerate(self.specs)}
        bytes_of_group = 8 * max(ends[-1] + 2 * len(self._means), 1)
        groups = len(plan.segmenter.labels)
        self.groups = groups if bytes_of_group * groups * _ENOUGH_WINDOWS <= MAX_BYTES else 1
        self._kept = min(WINDOWS, MAX_BYTES // (bytes_of_group * self.groups))
        self._missing = [spec for spec, a in profile.accumulators.items() if isinstance(a, PresenceCounts)]
        self._number = {frame_key(spec): i for i, spec in enumerate(self._means)}
        self._counted = {frame_key(spec): i for i, spec in enumerate(self._missing)}
        self._id = _digest(*plan.profile.keys, *(spec.model_dump_json() for spec in self.specs), *map(str, sizes))
        self.entries: list[Entry] = []

    def add(self, at_ms: int, profile: Profile) -> None:
        """Take a window with all its rows; the oldest one goes."""
        if profile.incomplete or not self._kept:
            return
        parts = [cells_of(profile.accumulators[spec])[: self.groups] for spec in self.specs]
        cells = np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.int64)
        moments = [profile.accumulators[spec] for spec in self._means]
        sums = np.array([[a.n[: self.groups] for a in moments], [a.mean[: self.groups] for a in moments]], np.float64)
        shares = [a.missing[0] / max(a.rows[0], 1) for a in (profile.accumulators[spec] for spec in self._missing)]
        entry = Entry(at_ms, cells, sums, np.array(shares, np.float64))
        self.entries = [*self.entries, entry][-self._kept :]

    def cells(self, spec: Any, group: int | None = None) -> IntArray | None:
        """Return windows x cells of one group, or windows x groups x cells of all; None where they are not kept."""
        if spec not in self._slices or not self.entries or (group or 0) >= self.groups:
            return None
        place = self._slices[spec]
        if group is None:
            return np.stack([entry.cells[:, place] for entry in self.entries])
        return np.stack([entry.cells[group, place] for entry in self.entries])

    def times_ms(self) -> list[int]:
        """Return the onset time of every window kept."""
        return [entry.at_ms for entry in self.entries]

    def levels(self, kind: str, field: str, before_ms: int) -> FloatArray | None:
        """Return a field's `mean` or share of `missing` values in each window before `before_ms`; None without one."""
        place = (self._number if kind == "mean" else self._counted).get(field)
        if place is None:
            return None
        entries = [entry for entry in self.entries if entry.at_ms < before_ms]
        return np.array([e.sums[1, place, 0] if kind == "mean" else e.missing[place] for e in entries])

    def mean(self, field: str, group: int, since_ms: int) -> tuple[float, float] | None:
        """Return how many values a number field has in one group since then, and their mean; None without any."""
        place = self._number.get(field)
        if place is None or group >= self.groups:
            return None
        kept = [entry.sums[:, place, group] for entry in self.entries if entry.at_ms >= since_ms]
        n = sum(float(values) for values, _ in kept)
        return (n, sum(float(values * mean) for values, mean in kept if values) / n) if n else None

    def state(self) -> State:
        """Return the windows; those that are kept do not change."""
        # The id is part of the name: under one name a sealed array must never be another.
        names = [(e, f"{self._id}.{e.at_ms}") for e in self.entries]
        sealed = {f"{at}.{part}": getattr(e, part) for e, at in names for part in _PARTS}
        return {"id": self._id, "times_ms": self.times_ms(), "sealed": sealed}

    def load(self, state: State) -> None:
        """Continue from `state`; that of other cells is left alone. Raises KeyError or ValueError on damage."""
        if state["id"] != self._id:
            return
        sealed = state["sealed"]
        self.entries = [
            Entry(int(at), *(np.array(sealed[f"{self._id}.{at}.{part}"]) for part in _PARTS))
            for at in state["times_ms"]
        ]


def _digest(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()
