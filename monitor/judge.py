"""Judging a window: the merged profile against the baseline, every detector, field and segment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from monitor.baseline import LEARNING_REASON, BaselineView
from monitor.checks import failure_levels
from monitor.describe import cell_labels, evidence
from monitor.outcomes import EPOCH_CHANGE, PARTIAL, window_outcomes
from monitor.plan import FieldDetector, MonitorPlan
from monitor.profile import Profile
from monitor.protocols import State
from monitor.results import CheckOutcome, WindowResult
from monitor.snapshot import VerdictView
from monitor.types import Level, Score

_LEVELS = {int(level): level for level in Level}
_DIRECTIONS = {1: "up", -1: "down", 0: ""}


def judge(
    plan: MonitorPlan,
    start_ms: int,
    end_ms: int,
    profile: Profile,
    *,
    unknown: str,
    baseline: BaselineView | None = None,
    memory: State | None = None,
    chances: Sequence[float] = (),
) -> WindowResult:
    """Return the verdicts, check outcomes and statistics of one window with rows.

    `baseline` is what the window is compared with; only a plan without detectors can do without.
    `memory` holds what checks of windows remember, by their name; it is changed, but not by an unknown window.
    `unknown`: why rows may be missing (`partial`, `epoch change`), so that every level is UNKNOWN; empty: none are.
    `chances`: how likely a sound row fails each row check; empty: not at all.
    """
    verdicts: list[VerdictView] = []
    proof: dict[tuple[str, str, str], str] = {}
    if baseline is not None:
        for item in plan.detectors:
            found, why = _verdicts(plan, item, profile, baseline, unknown)
            verdicts += found
            proof |= why
    return WindowResult(
        start_ms,
        end_ms,
        profile.rows,
        partial=unknown == PARTIAL,
        verdicts=tuple(verdicts),
        checks=(
            *_row_checks(plan, profile, unknown, chances),
            *window_outcomes(
                plan,
                start_ms,
                end_ms,
                profile,
                baseline=baseline,
                unknown=unknown,
                memory={} if memory is None else memory,
            ),
        ),
        evidence=proof,
        profile=profile,
        baseline=baseline,
    )


def judge_gap(plan: MonitorPlan, start_ms: int, end_ms: int, windows: int, *, unknown: str) -> WindowResult:
    """Return the result of `windows` successive empty windows: drift unknown, zero volume judged."""
    groups = len(plan.segmenter.labels)
    reason = unknown or "no rows"
    verdicts: list[VerdictView] = []
    for item in plan.detectors:
        # What is kept for all rows only has one score, and one verdict, also where there are segments.
        judged = getattr(item.needs, "judged_groups", None)
        nan = np.full(groups if judged is None else judged(groups), np.nan)
        zero = np.zeros(nan.size, np.int64)
        score = Score(nan, nan, nan, nan, zero, zero)
        verdicts += _views(plan, item, score, [Level.UNKNOWN] * nan.size, [reason] * nan.size)
    checks = window_outcomes(plan, start_ms, end_ms, None, baseline=None, unknown=unknown, memory={})
    return WindowResult(start_ms, end_ms, 0, windows, unknown == PARTIAL, tuple(verdicts), tuple(checks))


def _verdicts(
    plan: MonitorPlan, item: FieldDetector, profile: Profile, baseline: BaselineView, unknown: str
) -> tuple[list[VerdictView], dict[tuple[str, str, str], str]]:
    """Return one detector's verdict for every segment, and the evidence of those above a threshold."""
    current = profile.accumulators[item.needs]
    rho = baseline.rho.get(item.needs, 0.0)
    score: Score = item.detector.compare(baseline.accumulators[item.needs], current, rho)
    levels, reasons = plan.policy.levels(score, item.spec)
    found = [_LEVELS[level] for level in levels.tolist()]
    why = reasons.tolist()
    learning = item.needs in baseline.learning
    if unknown or baseline.unknown or learning or item.needs in profile.incomplete:
        found = [Level.UNKNOWN] * len(found)
        why = [unknown or baseline.unknown or (LEARNING_REASON if learning else EPOCH_CHANGE)] * len(why)
    proof = {}
    if score.contributions is not None and max(found) >= Level.WARNING:
        labels = _labels(item, current)
        for group, level in enumerate(found):
            if level >= Level.WARNING:
                key = (item.field, plan.segmenter.labels[group], item.name)
                proof[key] = evidence(labels, score.contributions[group])
    return _views(plan, item, score, found, why), proof


def _labels(item: FieldDetector, current: Any) -> tuple[str, ...]:
    """Return the name of each cell that contributions are of: the detector's own, the accumulator's, or the usual."""
    if (named := getattr(item.detector, "labels", None)) is not None:
        return tuple(named(current))
    if (own := getattr(current, "named_cells", None)) is not None:
        return tuple(own())
    return cell_labels(current, getattr(item.spec, "buckets", None))


def _views(
    plan: MonitorPlan, item: FieldDetector, score: Score, levels: list[Level], reasons: list[str]
) -> list[VerdictView]:
    """Return the verdicts as values, one a segment."""
    columns = zip(  # noqa: B905 - what only some detectors give is repeated for ever
        plan.segmenter.labels,
        levels,
        reasons,
        _numbers(score.score),
        _numbers(score.lower_bound),
        _numbers(score.noise_floor),
        _numbers(score.p_value),
        score.n_baseline.tolist(),
        score.n_current.tolist(),
        repeat("") if score.direction is None else (_DIRECTIONS[sign] for sign in score.direction.tolist()),
        repeat(None) if score.error_bound is None else _numbers(score.error_bound),
    )
    return [VerdictView(item.field, row[0], item.name, *row[1:]) for row in columns]


def _numbers(values: Any) -> list[float | None]:
    """Return floats with None for NaN."""
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN is not itself


def _row_checks(plan: MonitorPlan, profile: Profile, unknown: str, chances: Sequence[float]) -> list[CheckOutcome]:
    """Return the outcome of every row check in every segment."""
    outcomes = []
    for number, (check, counts) in enumerate(zip(plan.row_checks, profile.checks, strict=True)):
        levels, reasons, ratios = failure_levels(
            counts[:, 0], counts[:, 1], check.spec, chances[number] if chances else 0.0
        )
        why_not = unknown or (EPOCH_CHANGE if number in profile.incomplete_checks else getattr(check, "unjudged", ""))
        for group, segment in enumerate(plan.segmenter.labels):
            failures, rows = counts[group].tolist()
            level, reason = _LEVELS[int(levels[group])], str(reasons[group])
            if why_not:
                level, reason = Level.UNKNOWN, why_not
            ratio = float(ratios[group]) if rows else None
            outcomes.append(
                CheckOutcome(
                    check.spec.name,
                    check.spec.field,
                    segment,
                    level,
                    failures,
                    rows,
                    ratio,
                    reason,
                    samples=tuple(profile.samples[number]) if group == 0 else (),
                )
            )
    return outcomes
