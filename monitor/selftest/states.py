"""Faults made on what a window was counted to, instead of on its rows.

Nulls: every usable value has the same chance to be null, so all counts shrink alike. Numbers: the values of each cell
are spread evenly about the cell's own mean, as far as it reaches, and what becomes of these points is counted anew; the
moments are those of the same change. Categories: a share of every known value becomes unseen. What cannot be made on a
state (duplicates, lateness, order, correlations, texts, vectors, samples) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from monitor.accumulators.categories import Categories
from monitor.accumulators.histogram import Histogram
from monitor.accumulators.moments import Moments
from monitor.accumulators.presence import PresenceCounts
from monitor.plan import MonitorPlan
from monitor.profile import Profile, frame_key
from monitor.types import FloatArray, IntArray, Presence

_POINTS = 8
_CENTS = 100.0
_CHECKS = {"null_burst": ("nullable", "missing"), "new_category": ("allowed",)}
"""The kinds of row checks that fail on every row of a fault."""


def doped(plan: MonitorPlan, profile: Profile, field: str, fault: str, severity: float) -> Profile:
    """Return a profile with the fault in a field; it shares with `profile` all that the fault leaves alone.

    Nothing of `profile` changes. Costs what copying the field's own accumulators costs.
    """
    own = {spec: found for spec, found in profile.accumulators.items() if frame_key(spec) == field}
    spread = _deviation(own.values())
    changed: dict[Any, Any] = {}
    for spec, found in own.items():
        made = _MAKE[fault](found, severity, spread)
        if made is not None:
            changed[spec] = made
    copy = Profile(plan.profile, {**profile.accumulators, **changed}, profile.checks.copy())
    copy.rows, copy.late_rows = profile.rows, profile.late_rows
    copy.incomplete, copy.incomplete_checks = set(profile.incomplete), set(profile.incomplete_checks)
    copy.unknown_fields = dict(profile.unknown_fields)
    usable = next((found.counts[:, Presence.OK] for found in own.values() if isinstance(found, PresenceCounts)), None)
    for number, check in enumerate(plan.row_checks):
        if usable is not None and check.spec.field == field and check.spec.kind in _CHECKS.get(fault, ()):
            failures = copy.checks[number, :, 0] + np.rint(usable * severity).astype(np.int64)
            copy.checks[number, :, 0] = np.minimum(failures, copy.checks[number, :, 1])
    return copy


def _deviation(accumulators: Any) -> float:
    """Return the standard deviation of all rows; 0 where it is not known."""
    moments = next((found for found in accumulators if isinstance(found, Moments)), None)
    variance = float(moments.variance[0]) if moments is not None else 0.0
    return float(np.sqrt(variance)) if np.isfinite(variance) else 0.0


def _nulls(found: Any, share: float, _spread: float) -> Any:
    if isinstance(found, PresenceCounts):
        moved = np.rint(found.counts[:, Presence.OK] * share).astype(np.int64)
        copy = found.scaled(np.ones(len(found.counts)))
        copy.counts[:, Presence.OK] -= moved
        copy.counts[:, Presence.NULL] += moved
        return copy
    if isinstance(found, Histogram | Categories):
        return found.scaled(np.full(len(found.counts), 1 - share))
    return found.scaled(np.full(len(found.n), 1 - share)) if isinstance(found, Moments) else None


def _shift(found: Any, deviations: float, spread: float) -> Any:
    by = deviations * spread
    if isinstance(found, Histogram):
        return _remade(found, 1.0, lambda points: points + by)
    if isinstance(found, Moments):
        return _moments(found, lambda mean: mean + by)
    return None


def _cents(found: Any, share: float, _spread: float) -> Any:
    return _remade(found, share, lambda points: points * _CENTS) if isinstance(found, Histogram) else None


def _unseen(found: Any, share: float, _spread: float) -> Any:
    if not isinstance(found, Categories):
        return None
    copy = found.scaled(np.ones(len(found.counts)))
    moved = np.rint(copy.known * share).astype(np.int64)
    copy.known[...] -= moved
    copy.unseen[...] += moved.sum(axis=1)
    return copy


_MAKE: dict[str, Callable[[Any, float, float], Any]] = {
    "null_burst": _nulls,
    "mean_shift": _shift,
    "unit_change": _cents,
    "new_category": _unseen,
}
STATE_FAULTS = tuple(_MAKE)


def _remade(found: Histogram, share: float, change: Callable[[FloatArray], FloatArray]) -> Histogram:
    """Return the histogram in which this share of every cell's values has been changed."""
    points, weights = _points(found)
    groups, size = found.counts.shape
    after = np.clip(change(points), -1e300, 1e300)
    cells = np.searchsorted(found.frame.grid, after.ravel(), side="right").reshape(after.shape)
    places = (np.arange(groups)[:, None, None] * size + cells).ravel()
    counts = np.bincount(places, weights.ravel(), minlength=groups * size).reshape(groups, size)
    sums = np.bincount(places, (weights * after).ravel(), minlength=groups * size).reshape(groups, size)
    state = found.state()
    scale = 2.0**64  # how a histogram's sums are stored
    state["counts"] = _whole((1 - share) * found.counts + share * counts)
    state["scaled_sums"] = ((1 - share) * found.sums + share * sums) / scale
    copy = Histogram(found.frame, groups)
    copy.load(state)
    return copy


def _points(found: Histogram) -> tuple[FloatArray, FloatArray]:
    """Return points (groups x cells x 8) that stand for the values of each cell, and how many each stands for.

    They lie evenly about the cell's mean, so far that they stay between its cuts.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.nan_to_num(found.sums / found.counts, nan=0.0, posinf=1e300, neginf=-1e300)
    low = np.concatenate(([-np.inf], found.frame.grid))
    high = np.concatenate((found.frame.grid, [np.inf]))
    reach = np.minimum(means - low, high - means)
    reach = np.where(np.isfinite(reach) & ~found.single, np.maximum(reach, 0.0), 0.0)
    even = (np.arange(_POINTS) + 0.5) / _POINTS * 2 - 1
    points = means[:, :, None] + reach[:, :, None] * even
    return points, np.repeat(found.counts[:, :, None] / _POINTS, _POINTS, axis=2)


def _whole(counts: FloatArray) -> IntArray:
    """Return whole counts with each group's sum kept: what rounding down leaves goes to the largest remainders."""
    down = np.floor(counts + 1e-9)
    left = np.rint(counts.sum(axis=1) - down.sum(axis=1)).astype(np.int64)
    rank = np.argsort(np.argsort(-(counts - down), axis=1, kind="stable"), axis=1)
    whole: IntArray = (down + (rank < left[:, None])).astype(np.int64)
    return whole


def _moments(found: Moments, change: Callable[[FloatArray], FloatArray]) -> Moments:
    """Return the moments of values that have all been moved alike."""
    state = found.state()
    for name in ("mean", "low", "high"):
        state[name] = np.where(found.n > 0, change(state[name]), state[name])
    copy = Moments(len(found.n))
    copy.load(state)
    return copy


__all__ = ["STATE_FAULTS", "doped"]
