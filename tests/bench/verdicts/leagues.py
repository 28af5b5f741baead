"""The peers' side: a threshold over ratios, as it comes, as it is tuned, and as hindsight would have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from river.drift import ADWIN, KSWIN, PageHinkley

from monitor.types import FloatArray, IntArray, MaskArray
from tests.bench.verdicts.rules import RULES, Slotted, ratios_of, rolled, rules_of

LEAGUES = ("defaults", "tuned", "hindsight")
WANTED = 1 / 1000
"""False pages a slot, over all columns, that a threshold is tuned to."""
DEFAULT_CUT = 1.0
_CUTS = 400

RIVER: Mapping[str, tuple[Callable[[float], Any], tuple[float, ...]]] = {
    "river ADWIN": (lambda delta: ADWIN(delta=delta), (0.002, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-12)),
    "river PageHinkley": (lambda most: PageHinkley(threshold=most), (50.0, 75.0, 100.0, 150.0, 250.0, 500.0, 1500.0)),
    "river KSWIN": (lambda alpha: KSWIN(alpha=alpha, seed=1), (0.005,)),
}
"""By name, what makes a detector, and its one threshold: the default, then ever more careful ones."""
SLOW = "river KSWIN"
"""It takes 0.4 ms a value, so it is given one run of calm slots only, and is neither tuned nor given faults."""


@dataclass(frozen=True, eq=False)
class Ratios:
    """Ratios of every rule (slots x columns) and, for river, what it is fed: standardised means, shares of the mode."""

    columns: tuple[str, ...]
    of_rule: Mapping[str, FloatArray]
    fed: FloatArray


class Peers:
    """All peers on one stream of data, fitted to the baseline's rows."""

    def __init__(self, table: pa.Table, slots: IntArray) -> None:
        """Fit the rules; `slots` are those of the baseline's rows."""
        self._rules = rules_of(table, slots)
        self._modes = {
            name: table[name].combine_chunks().drop_null().value_counts().sort("descending", by="counts")[0]["values"]
            for name in table.column_names
            if not pa.types.is_floating(table[name].type)
        }
        chunks = np.unique(slots, return_inverse=True)[1]
        self._units = {
            name: _unit(self._raw(table, name, chunks, int(chunks.max()) + 1)) for name in table.column_names
        }

    def of(self, table: pa.Table, slots: IntArray, n: int, only: Sequence[str] | None = None) -> Ratios:
        """Return the ratios of `n` slots, of all columns or of some."""
        names = tuple(only or self._rules)
        found = [ratios_of(self._rules[name], table[name], slots, n) for name in names]
        fed = []
        for name in names:
            middle, unit = self._units[name]
            fed.append((self._raw(table, name, slots, n) - middle) / unit)
        return Ratios(
            names, {rule: np.column_stack([one[rule] for one in found]) for rule in RULES}, np.column_stack(fed)
        )

    def _raw(self, table: pa.Table, name: str, slots: IntArray, n: int) -> FloatArray:
        """Return what river watches of a column: the mean of numbers, the share of the baseline's mode of others."""
        array = table[name].combine_chunks()
        if pa.types.is_floating(array.type):
            slotted = Slotted.of(array.to_numpy(zero_copy_only=False), slots, n)
            return slotted.mean(slotted.values)
        usable = array.is_valid().to_numpy(zero_copy_only=False)
        same = pc.fill_null(pc.equal(array, self._modes[name]), fill_value=False)
        sizes = np.bincount(slots[usable], minlength=n)
        found = np.bincount(slots, same.to_numpy(zero_copy_only=False), minlength=n)
        return np.where(sizes > 0, found / np.maximum(sizes, 1), np.nan)


def _unit(past: FloatArray) -> tuple[float, float]:
    known = past[np.isfinite(past)]
    return float(known.mean()), max(float(known.std()), 1e-9)


def with_column(ratios: Ratios, other: Ratios) -> Ratios:
    """Return the ratios with the columns of the other one in their places."""
    places = [ratios.columns.index(name) for name in other.columns]
    rules = {rule: values.copy() for rule, values in ratios.of_rule.items()}
    fed = ratios.fed.copy()
    fed[:, places] = other.fed
    for rule, values in rules.items():
        values[:, places] = other.of_rule[rule]
    return Ratios(ratios.columns, rules, fed)


def in_order(ratios: FloatArray, rule: str, order: IntArray) -> FloatArray:
    """Return the ratios as they are heard (runs x slots x columns); the chart rolls over them."""
    heard = np.nan_to_num(ratios[order], nan=0.0)
    return rolled(heard) if rule == "psi-chart" else heard


def pages_at(heard: FloatArray, cut: float) -> MaskArray:
    """Return where a page begins (runs x slots x columns): beyond the cut, and not in the slot before."""
    beyond = heard >= cut
    beyond[:, 1:] &= ~(heard[:, :-1] >= cut)
    return beyond


def tuned_cut(heard: FloatArray) -> float:
    """Return the lowest cut from which on upwards the pages of these slots keep to one in a thousand."""
    slots = heard.shape[0] * heard.shape[1]
    peaks = heard.copy()
    rising = peaks[:, 1:] > heard[:, :-1]
    candidates = np.sort(np.append(peaks[:, 1:][rising], peaks[:, 0].ravel()))[::-1]
    candidates = candidates[: _CUTS * max(1, int(slots * WANTED))]
    best = float(candidates[0]) * (1 + 1e-9) + 1e-9
    for cut in np.unique(candidates)[::-1]:
        if pages_at(heard, cut).sum() > WANTED * slots:
            break
        best = float(cut)
    return best


def river_pages(name: str, threshold: float, fed: FloatArray) -> MaskArray:
    """Return where river finds a change (runs x slots x columns), one detector a column; it begins anew by itself."""
    make = RIVER[name][0]
    found = np.zeros(fed.shape, np.bool_)
    for run in range(fed.shape[0]):
        for column in range(fed.shape[2]):
            detector, out = make(threshold), found[run, :, column]
            for slot, value in enumerate(fed[run, :, column].tolist()):
                if value == value:  # noqa: PLR0124 - after NaN it never finds anything again
                    detector.update(value)
                    out[slot] = detector.drift_detected
    return found


def tuned_threshold(name: str, fed: FloatArray) -> tuple[float, bool]:
    """Return the first of river's thresholds that keeps to one page in a thousand slots, and whether one does."""
    thresholds = RIVER[name][1]
    for threshold in thresholds:
        if river_pages(name, threshold, fed).sum() <= max(WANTED * fed.shape[0] * fed.shape[1], 1):
            return threshold, True
    return thresholds[-1], False
