"""The streams of a monitor under a budget: which there are, what each weighs, and their scores in one window."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from monitor.accumulators.log_cells import LogCells, LogCellsSpec
from monitor.accumulators.presence import PresenceCounts
from monitor.delays import DELAY
from monitor.plan import MonitorPlan
from monitor.policy import BudgetPolicy
from monitor.profile import Profile, frame_key
from monitor.results import WindowResult
from monitor.snapshot import VerdictView
from monitor.types import FloatArray, Level

VerdictKey = tuple[str, str, str]
"""Detector (or statistic), field and segment: what a verdict is of."""
VOLUME, MISSING, INVALID, LATE, FAILURES, DELAY_P99 = (
    "volume_change",
    "missing_share",
    "invalid_share",
    "late_share",
    "failure_share",
    "delay_p99_s",
)
STATISTICS: Final = (VOLUME, MISSING, INVALID, LATE, FAILURES, DELAY_P99)
"""What becomes a stream without a detector, by the name in its verdicts; of `failure_share` the field is the check."""
_JUDGING = frozenset({"warning", "critical", "level_on", "severity", "min_rows"})
_REPLACED = {MISSING: "missing", INVALID: "invalid"}
_TAIL = 0.99


@dataclass(frozen=True)
class Stream:
    """One stream: the verdict that it speaks for, which way it looks (0: any), and whose state it may take over.

    `tolerance` is the effect that pages of a statistic; NaN for a detector, whose own thresholds say it.
    """

    key: VerdictKey
    group: int
    sign: int
    name: str
    importance: float
    tolerance: float = math.nan


def streams_of(plan: MonitorPlan) -> tuple[Stream, ...]:
    """Return every stream of a plan with a budget, those of all rows first; none without one."""
    if not isinstance(plan.policy, BudgetPolicy):
        return ()
    found = [*_of_detectors(plan), *_of_statistics(plan, plan.policy)]
    return tuple(sorted(found, key=lambda stream: stream.group > 0))


def statistic_keys(plan: MonitorPlan) -> tuple[VerdictKey, ...]:
    """Return the verdicts that only a budget has, in their order."""
    return tuple(dict.fromkeys(stream.key for stream in streams_of(plan) if not math.isnan(stream.tolerance)))


def weights_of(streams: Sequence[Stream]) -> FloatArray:
    """Return the share of the budget that each stream has: by importance, 1 in sum."""
    importance = np.array([stream.importance for stream in streams])
    return np.asarray(importance / importance.sum())


def _of_detectors(plan: MonitorPlan) -> Iterator[Stream]:
    labels = plan.segmenter.labels
    for item in plan.detectors:
        judged = getattr(item.needs, "judged_groups", None)
        direction = getattr(item.spec, "direction", None)
        signs = {"both": (1, -1), "up": (1,), "down": (-1,)}.get(direction or "", (0,))
        about = item.spec.model_dump(mode="json", exclude=_JUDGING)
        kind = str(plan.fields.get(item.field, ""))
        for group in range(len(labels) if judged is None else judged(len(labels))):
            for sign in signs:
                name = json.dumps([item.field, kind, about, labels[group], sign, plan.baseline_version], sort_keys=True)
                key = (item.name, item.field, labels[group])
                yield Stream(key, group, sign, name, plan.importance.get(item.field, 1.0))


def _of_statistics(plan: MonitorPlan, policy: BudgetPolicy) -> Iterator[Stream]:
    """Yield the statistics but those that a detector watches already, or whose name a check has."""
    share, more, fewer, slower = policy.tolerances
    watched = {(item.name, item.field) for item in plan.detectors}
    checks = [check.spec for check in plan.row_checks]
    taken = {(spec.name, getattr(spec, "field", "")) for spec in (*checks, *(c.spec for c in plan.window_checks))}
    taken |= {(spec.name, str(spec.check or getattr(spec, "field", None) or "")) for spec in plan.sequential}
    for group, label in enumerate(plan.segmenter.labels):
        wanted = [(VOLUME, "", 1, more), (VOLUME, "", -1, fewer)]
        wanted += [(LATE, "", 1, share)] if group == 0 else []
        wanted += [(DELAY_P99, "", 1, slower)] if group == 0 and plan.watches_delays else []
        wanted += [
            (what, path, 1, share)
            for path in plan.fields
            for what in (MISSING, INVALID)
            if (_REPLACED[what], path) not in watched
        ]
        wanted += [(FAILURES, spec.name, 1, share) for spec in checks]
        for what, field, sign, tolerance in wanted:
            if (what, field) not in taken:
                kind = str(plan.fields.get(field, ""))
                name = json.dumps([what, field, kind, label, sign])
                weight = plan.importance.get(field, 1.0)
                yield Stream((what, field, label), group, sign, name, weight, tolerance)


class Scores:
    """Reads the streams' scores of a window: larger is stranger, NaN where nothing is known."""

    def __init__(self, plan: MonitorPlan, streams: Sequence[Stream]) -> None:
        """Keep what is read."""
        self._plan, self._streams = plan, streams

    def of(self, window: WindowResult, verdicts: dict[VerdictKey, VerdictView]) -> FloatArray:
        """Return the score of every stream in a window with rows."""
        values = self.values(window)
        found = np.full(len(self._streams), np.nan)
        for place, stream in enumerate(self._streams):
            verdict = verdicts.get(stream.key)
            if verdict is not None:
                found[place] = _standardised(verdict, stream.sign)
            else:
                found[place] = stream.sign * values.get(stream.key, math.nan)
        return found

    def values(self, window: WindowResult) -> dict[VerdictKey, float]:
        """Return the statistics of a window by verdict: shares, and logarithms of rows and of seconds."""
        profile = window.profile
        labels = self._plan.segmenter.labels
        if profile is None:
            return {}
        found: dict[VerdictKey, float] = {}
        counts = _presence(profile)
        everyone = next(iter(counts.values()), None)
        for group, label in enumerate(labels):
            rows = window.rows if group == 0 else 0 if everyone is None else int(everyone.rows[group])
            if rows:
                found[VOLUME, "", label] = math.log(rows)
        found[LATE, "", labels[0]] = profile.late_rows / max(window.rows + profile.late_rows, 1)
        if (delay := _slowest_s(profile)) is not None:
            found[DELAY_P99, "", labels[0]] = math.log1p(delay)
        for path, presence in counts.items():
            rows_of, missing, invalid = (x.tolist() for x in (presence.rows, presence.missing, presence.invalid))
            for group, label in enumerate(labels):
                if rows_of[group]:
                    found[MISSING, path, label] = missing[group] / rows_of[group]
                    found[INVALID, path, label] = invalid[group] / rows_of[group]
        for outcome in window.checks:
            if not outcome.whole and outcome.failure_ratio is not None and outcome.level is not Level.UNKNOWN:
                found[FAILURES, outcome.check, outcome.segment] = outcome.failure_ratio
        return found


def _slowest_s(profile: Profile) -> float | None:
    """Return the 99th percentile of the rows' delays, within 1 %, 0 at least; None where nothing is known of them."""
    spec = LogCellsSpec(field=DELAY)
    found = profile.accumulators.get(spec)
    if not isinstance(found, LogCells) or spec in profile.incomplete or not found.n:
        return None
    return max(found.quantile(_TAIL), 0.0)


def _presence(profile: Profile) -> dict[str, PresenceCounts]:
    """Return the fields' counts of rows, but those that an epoch left incomplete."""
    return {
        frame_key(spec): found
        for spec, found in profile.accumulators.items()
        if isinstance(found, PresenceCounts) and spec not in profile.incomplete
    }


def _standardised(verdict: VerdictView, sign: int) -> float:
    """Return a detector's score in units of what noise makes of it at these sizes; NaN where it is unknown.

    Without a sign the noise is taken off first, so that windows of fewer rows are not stranger for that.
    """
    score: Any = verdict.score
    if verdict.level is Level.UNKNOWN or score is None:
        return math.nan
    noise = verdict.noise_floor or 0.0
    if sign == 0:
        return (score - noise) / noise if noise > 0 else float(score)
    towards = {"up": 1, "down": -1}.get(verdict.direction, 0)
    return float(sign * towards * score / (noise if noise > 0 else 1.0))
