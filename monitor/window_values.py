"""What a judged window says of a series: one number for each segment, or why there is none."""

from __future__ import annotations

from typing import Any, Final

from monitor.accumulators.presence import PresenceCounts
from monitor.outcomes import EPOCH_CHANGE
from monitor.plan import MonitorPlan
from monitor.profile import Profile
from monitor.results import WindowResult
from monitor.sequential import needed
from monitor.types import Level

NO_ROWS: Final = "no rows"
NO_VALUES: Final = "no values"
NO_SCORE: Final = "no score"
CHECK_UNKNOWN: Final = "check unknown"
_UNSEGMENTED = frozenset({"distinct", "quantile"})


def groups_of(plan: MonitorPlan, spec: Any) -> range:
    """Return the segments, by number, that have a series of their own: all rows, and the others where asked for."""
    if not spec.segments or getattr(spec, "statistic", "") in _UNSEGMENTED:
        return range(1)
    if spec.check is not None and spec.check not in {check.spec.name for check in plan.row_checks}:
        checks = [check.spec for check in plan.window_checks if check.spec.name == spec.check]
        if not any(getattr(check, "segmented", False) for check in checks):
            return range(1)
    return range(len(plan.segmenter.labels))


def window_rows(window: WindowResult, group: int) -> int:
    """Return the rows of a window in one segment."""
    if group == 0 or window.profile is None:
        return window.rows
    counts = (found for found in window.profile.accumulators.values() if isinstance(found, PresenceCounts))
    return int(next((found.rows[group] for found in counts), 0))


def window_value(plan: MonitorPlan, spec: Any, window: WindowResult, group: int) -> float | str:
    """Return the value of one window in one segment; a text says why there is none.

    NaN and infinities are returned as they are: where there were rows with values, they are news.
    """
    if spec.check is not None:
        return _of_check(spec, window, plan.segmenter.labels[group])
    if spec.statistic == "rows":
        return float(window_rows(window, group))
    if window.profile is None:
        return NO_ROWS
    if spec.statistic == "score":
        return _of_detector(spec, window, plan.segmenter.labels[group])
    return _of_field(spec, window.profile, group)


def _of_check(spec: Any, window: WindowResult, segment: str) -> float | str:
    """Return whether a check failed, or its share of failing rows where `spec` has a statistic."""
    for outcome in window.checks:
        if (outcome.check, outcome.segment) == (spec.check, segment):
            if outcome.level is Level.UNKNOWN:
                return CHECK_UNKNOWN
            if spec.binary:
                return float(outcome.level >= Level.WARNING)
            return NO_VALUES if outcome.failure_ratio is None else outcome.failure_ratio
    return CHECK_UNKNOWN


def _of_detector(spec: Any, window: WindowResult, segment: str) -> float | str:
    for verdict in window.verdicts:
        if (verdict.field, verdict.detector, verdict.segment) == (spec.field, spec.detector, segment):
            return NO_SCORE if verdict.level is Level.UNKNOWN or verdict.score is None else verdict.score
    return NO_SCORE


def _of_field(spec: Any, profile: Profile, group: int) -> float | str:
    """Return a statistic of a field."""
    need = needed(spec)
    if need in profile.incomplete or need not in profile.accumulators:
        return EPOCH_CHANGE
    found: Any = profile.accumulators[need]
    if spec.statistic in ("missing_ratio", "invalid_ratio"):
        rows = int(found.rows[group])
        part = found.missing if spec.statistic == "missing_ratio" else found.invalid
        return int(part[group]) / rows if rows else NO_ROWS
    if spec.statistic == "mean":
        return float(found.mean[group]) if found.n[group] else NO_VALUES
    if spec.statistic == "stddev":
        return float(found.variance[group]) ** 0.5 if found.n[group] > 1 else NO_VALUES
    if spec.statistic == "distinct":
        return float(found.estimate)
    return float(found.quantile(spec.quantile)) if found.n else NO_VALUES
