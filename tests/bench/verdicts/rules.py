"""The peers' rules by their documented formulas, for all slots of a column at once.

Each gives a ratio for every slot: 1 or more is what the peer calls drift by default. `peers_checked.py` compares them
with the peers themselves. Missing values are left out, as all of them do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import special

from monitor.types import FloatArray, IntArray, MaskArray

ALPHA = 0.05
PSI_LIMIT = 0.2
EVIDENTLY_LIMIT = 0.1
NANNYML_DEVIATIONS = 3.0
ROLLING = 10
_FLOOR = 1e-4
_SMALLEST = 1e-300
_POINTS = 100
RULES = ("ks", "psi", "evidently", "nannyml", "whylogs", "alibi", "psi-chart")
"""Those whose ratio is a matter of the slot alone; the chart rolls over them later."""


@dataclass(frozen=True, eq=False)
class Slotted:
    """The usable numbers of all slots, sorted within them: `slots` of each, where each slot begins, and its rows."""

    values: FloatArray
    slots: IntArray
    sizes: IntArray

    @classmethod
    def of(cls, values: FloatArray, slots: IntArray, n: int) -> Slotted:
        """Sort the values that are finite."""
        usable = np.isfinite(values)
        values, slots = values[usable], slots[usable]
        order = np.lexsort((values, slots))
        return cls(values[order], slots[order], np.bincount(slots, minlength=n))

    @property
    def ranks(self) -> tuple[IntArray, IntArray]:
        """How many values of the slot are below each value, and how many are at most it."""
        starts = np.concatenate(([0], np.cumsum(self.sizes)[:-1]))[self.slots]
        at = np.arange(self.values.size)
        new = np.ones(self.values.size, np.bool_)
        new[1:] = (np.diff(self.values) != 0) | (np.diff(self.slots) != 0)
        groups = np.flatnonzero(new)
        which = np.cumsum(new) - 1
        ends = np.append(groups[1:], self.values.size)
        return groups[which] - starts, ends[which] - starts + 0 * at

    def most(self, numbers: FloatArray) -> FloatArray:
        """Return the largest of the numbers (one a value) in each slot; NaN where it is empty."""
        found = np.full(self.sizes.size, -np.inf)
        np.maximum.at(found, self.slots, numbers)
        return np.where(self.sizes > 0, found, np.nan)

    def mean(self, numbers: FloatArray) -> FloatArray:
        """Return the mean of the numbers (one a value) in each slot; NaN where it is empty."""
        sums = np.bincount(self.slots, numbers, minlength=self.sizes.size)
        return np.where(self.sizes > 0, sums / np.maximum(self.sizes, 1), np.nan)


class NumberRules:
    """The rules of one column of numbers, with what each keeps of the baseline."""

    def __init__(self, baseline: FloatArray, slots: IntArray, columns: int) -> None:
        """Fit to the baseline's rows, whose `slots` are the chunks of NannyML and the past of the chart."""
        usable = np.isfinite(baseline)
        self._sorted = np.sort(baseline[usable])
        self._columns = columns
        self._deviation = max(float(self._sorted.std()), 1e-3)
        self._cuts = np.unique(np.quantile(self._sorted, np.linspace(0, 1, 11)[1:-1]))
        self._shares = _shares(np.bincount(np.searchsorted(self._cuts, self._sorted), minlength=self._cuts.size + 1))
        self._edges = np.histogram_bin_edges(self._sorted, bins="doane")
        self._binned = np.append(np.histogram(self._sorted, self._edges)[0] / self._sorted.size, 0.0)
        self._points = np.quantile(self._sorted, np.linspace(0, 1, _POINTS), method="nearest")
        chunks = np.unique(slots, return_inverse=True)[1]
        past = Slotted.of(baseline, chunks, int(chunks.max()) + 1)
        self._js, self._chart = _moments(self._jensen_shannon(past)), _moments(self._psi(past))

    def ratios(self, values: FloatArray, slots: IntArray, n: int) -> dict[str, FloatArray]:
        """Return each rule's ratio in every slot."""
        slotted = Slotted.of(values, slots, n)
        below, upto = slotted.ranks
        size = np.maximum(slotted.sizes[slotted.slots], 1)
        left = np.searchsorted(self._sorted, slotted.values, side="left") / self._sorted.size
        right = np.searchsorted(self._sorted, slotted.values, side="right") / self._sorted.size
        distance = slotted.most(np.maximum(np.abs(upto / size - right), np.abs(below / size - left)))
        logs = _log_p_of_ks(distance, slotted.sizes, self._sorted.size)
        sketched = self._at_points(slotted, below / size, left, below)
        psi, js = self._psi(slotted), self._jensen_shannon(slotted)
        return {
            "ks": logs / np.log(ALPHA),
            "psi": psi / PSI_LIMIT,
            "evidently": self._wasserstein(slotted, below) / self._deviation / EVIDENTLY_LIMIT,
            "nannyml": (js - self._js[0]) / (NANNYML_DEVIATIONS * self._js[1]),
            "whylogs": _log_p_of_ks(sketched, slotted.sizes, self._sorted.size) / np.log(ALPHA),
            "alibi": logs / np.log(ALPHA / self._columns),
            "psi-chart": (psi - self._chart[0]) / self._chart[1],
        }

    def _wasserstein(self, slotted: Slotted, below: IntArray) -> FloatArray:
        """Return the distance of the quantile functions, the baseline's taken at the middle of each value's step."""
        starts = np.concatenate(([0], np.cumsum(slotted.sizes)[:-1]))[slotted.slots]
        middle = (np.arange(slotted.values.size) - starts + 0.5) / np.maximum(slotted.sizes[slotted.slots], 1)
        there = self._sorted[(middle * self._sorted.size).astype(np.int64)]
        return slotted.mean(np.abs(slotted.values - there))

    def _psi(self, slotted: Slotted) -> FloatArray:
        cells = self._cuts.size + 1
        flat = slotted.slots * cells + np.searchsorted(self._cuts, slotted.values)
        counts = np.bincount(flat, minlength=slotted.sizes.size * cells).reshape(-1, cells)
        return _psi(self._shares, counts)

    def _jensen_shannon(self, slotted: Slotted) -> FloatArray:
        """Return the distance (base 2) on Doane's bins of the baseline and one for whatever lies outside of them."""
        bins = self._edges.size - 1
        place = np.searchsorted(self._edges, slotted.values, side="right") - 1
        place = np.where(slotted.values == self._edges[-1], bins - 1, place)
        place = np.where((place < 0) | (place >= bins), bins, place)
        counts = np.bincount(slotted.slots * (bins + 1) + place, minlength=slotted.sizes.size * (bins + 1))
        return _jensen_shannon(self._binned, counts.reshape(-1, bins + 1)) / np.sqrt(np.log(2))

    def _at_points(self, slotted: Slotted, own: FloatArray, left: FloatArray, below: IntArray) -> FloatArray:
        """Return the largest difference at a hundred quantiles of either side, which is where whylogs looks."""
        n = slotted.sizes.size
        flat = slotted.slots * (_POINTS + 1) + np.searchsorted(self._points, slotted.values, side="right")
        counts = np.bincount(flat, minlength=n * (_POINTS + 1)).reshape(n, -1)
        ours = np.cumsum(counts[:, :-1], axis=1) / np.maximum(slotted.sizes, 1)[:, None]
        theirs = np.searchsorted(self._sorted, self._points, side="left") / self._sorted.size
        step = np.maximum(slotted.sizes[slotted.slots] // _POINTS, 1)
        looked = np.where(below % step == 0, np.abs(own - left), 0.0)
        return np.maximum(np.abs(ours - theirs).max(axis=1), slotted.most(looked))


class CategoryRules:
    """The rules of one column of categories."""

    def __init__(self, baseline: pa.Array, slots: IntArray, columns: int) -> None:
        """Fit to the baseline's rows."""
        self._values = pc.unique(pc.drop_null(baseline))
        self._columns = columns
        chunks = np.unique(slots, return_inverse=True)[1]
        past = self._counts(baseline, chunks, int(chunks.max()) + 1)
        self._before = past.sum(axis=0)
        self._js, self._chart = (
            _moments(_jensen_shannon(self._before / self._before.sum(), past) / np.sqrt(np.log(2))),
            _moments(_psi(_shares(self._before), past)),
        )

    def _counts(self, values: pa.Array, slots: IntArray, n: int) -> IntArray:
        """Return the counts (slots x known values and one for all others)."""
        cells = len(self._values) + 1
        usable = values.is_valid().to_numpy(zero_copy_only=False)
        codes = pc.fill_null(pc.index_in(values, value_set=self._values), cells - 1)
        flat = slots[usable] * cells + codes.to_numpy(zero_copy_only=False)[usable].astype(np.int64)
        return np.asarray(np.bincount(flat, minlength=n * cells).reshape(n, cells))

    def ratios(self, values: pa.Array, slots: IntArray, n: int) -> dict[str, FloatArray]:
        """Return each rule's ratio in every slot; alibi-detect's KSDrift knows no categories."""
        counts = self._counts(values, slots, n)
        sizes = counts.sum(axis=1)
        shares = self._before / self._before.sum()
        js = _jensen_shannon(shares, counts)
        psi = _psi(_shares(self._before), counts)
        known = np.where(sizes > 0, 1.0, np.nan)
        return {
            "ks": known * _log_p_of_table(self._before, counts) / np.log(ALPHA),
            "psi": known * psi / PSI_LIMIT,
            "evidently": known * js / EVIDENTLY_LIMIT,
            "nannyml": known * (js / np.sqrt(np.log(2)) - self._js[0]) / (NANNYML_DEVIATIONS * self._js[1]),
            "whylogs": known * _log_p_of_whylogs(shares, counts) / np.log(ALPHA),
            "alibi": np.full(n, np.nan),
            "psi-chart": known * (psi - self._chart[0]) / self._chart[1],
        }


def rules_of(table: pa.Table, slots: IntArray) -> dict[str, NumberRules | CategoryRules]:
    """Return the rules of every column, fitted to the baseline's rows."""
    found: dict[str, NumberRules | CategoryRules] = {}
    numbers = sum(pa.types.is_floating(field.type) for field in table.schema)
    for field in table.schema:
        array = table[field.name].combine_chunks()
        if pa.types.is_floating(field.type):
            found[field.name] = NumberRules(array.to_numpy(zero_copy_only=False), slots, numbers)
        else:
            found[field.name] = CategoryRules(array, slots, numbers)
    return found


def ratios_of(rules: NumberRules | CategoryRules, column: Any, slots: IntArray, n: int) -> dict[str, FloatArray]:
    """Return the ratios of a column of a table."""
    array = column.combine_chunks()
    if isinstance(rules, NumberRules):
        return rules.ratios(array.to_numpy(zero_copy_only=False), slots, n)
    return rules.ratios(array, slots, n)


def rolled(chart: FloatArray) -> FloatArray:
    """Return the chart's ratio (runs x slots x columns): the mean of the last ten z in units of three of its own."""
    known = np.nan_to_num(chart)
    sums = np.cumsum(known, axis=1)
    before = np.concatenate((np.zeros_like(sums[:, :ROLLING]), sums[:, :-ROLLING]), axis=1)
    return np.asarray((sums - before) / ROLLING * np.sqrt(ROLLING) / NANNYML_DEVIATIONS)


def _shares(counts: Any) -> FloatArray:
    return np.asarray(np.maximum(counts / max(counts.sum(), 1), _FLOOR))


def _psi(before: FloatArray, counts: Any) -> FloatArray:
    sizes = counts.sum(axis=1)
    now = np.maximum(counts / np.maximum(sizes, 1)[:, None], _FLOOR)
    found = ((now - before) * np.log(now / before)).sum(axis=1)
    return np.where(sizes > 0, found, np.nan)


def _jensen_shannon(before: FloatArray, counts: Any) -> FloatArray:
    """Return the distance with the natural logarithm."""
    sizes = counts.sum(axis=1)
    now = counts / np.maximum(sizes, 1)[:, None]
    middle = (now + before) / 2
    found = (special.rel_entr(now, middle) + special.rel_entr(np.broadcast_to(before, now.shape), middle)).sum(axis=1)
    return np.where(sizes > 0, np.sqrt(np.maximum(found, 0) / 2), np.nan)


def _moments(past: FloatArray) -> tuple[float, float]:
    known = past[np.isfinite(past)]
    return float(known.mean()), max(float(known.std()), 1e-9)


def _log_p_of_ks(distance: FloatArray, n: IntArray, m: int) -> FloatArray:
    """Return ln p of Kolmogorov and Smirnov's test by Stephens' correction of the limit, a hundredth off at most."""
    root = np.sqrt(np.maximum(n * m / np.maximum(n + m, 1), 1))
    p = special.kolmogorov((root + 0.12 + 0.11 / root) * np.nan_to_num(distance))
    return np.where(np.isfinite(distance), np.log(np.maximum(p, _SMALLEST)), np.nan)


def _log_p_of_table(before: IntArray, counts: IntArray) -> FloatArray:
    """Return ln p of the chi-squared test of two rows of counts."""
    n, m = counts.sum(axis=1, keepdims=True).astype(np.float64), float(before.sum())
    both = counts + before
    expected = both * n / (n + m)
    rest = both - expected
    squares = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    squares += np.divide((before - rest) ** 2, rest, out=np.zeros_like(expected), where=rest > 0)
    freedom = np.maximum((both > 0).sum(axis=1) - 1, 1)
    return np.asarray(np.log(np.maximum(special.chdtrc(freedom, squares.sum(axis=1)), _SMALLEST)))


def _log_p_of_whylogs(shares: FloatArray, counts: IntArray) -> FloatArray:
    """Return ln p as whylogs has it: a value that is expected less than once makes it -∞."""
    n = counts.sum(axis=1, keepdims=True)
    expected = np.floor(shares * n)
    looked: MaskArray = (counts > 0) | (shares > 0)
    never = (looked & (expected == 0)).any(axis=1)
    squares = np.divide((counts - expected) ** 2, expected, out=np.zeros(expected.shape), where=expected > 0)
    freedom = np.maximum((counts > 0).sum(axis=1) - 1, 1)
    p = np.where(never, 0.0, special.chdtrc(freedom, squares.sum(axis=1)))
    return np.asarray(np.log(np.maximum(p, _SMALLEST)))
