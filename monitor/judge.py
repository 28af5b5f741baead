"""Judging a window: the merged profile against the baseline, every detector, field and segment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat, starmap
from typing import Any

import numpy as np

from monitor.baseline import LEARNING_REASON, BaselineView
from monitor.checks import failure_levels
from monitor.describe import cell_labels, evidence
from monitor.detectors.stacked import Stack, stacks
from monitor.outcomes import EPOCH_CHANGE, PARTIAL, window_outcomes
from monitor.plan import FieldDetector, MonitorPlan
from monitor.profile import Profile
from monitor.protocols import State
from monitor.results import CheckOutcome, WindowResult
from monitor.snapshot import VerdictView
from monitor.types import Level, Score

_Judged = tuple[list[VerdictView], dict[tuple[str, str, str], str]]
"""A detector's verdict for every segment, and the evidence of those above a threshold."""

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
        for found, why in _of_detectors(plan, profile, baseline, unknown):
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
        verdicts += _views(plan, [item], score, [Level.UNKNOWN] * nan.size, [reason] * nan.size)
    checks = window_outcomes(plan, start_ms, end_ms, None, baseline=None, unknown=unknown, memory={})
    return WindowResult(start_ms, end_ms, 0, windows, unknown == PARTIAL, tuple(verdicts), tuple(checks))


def _of_detectors(plan: MonitorPlan, profile: Profile, baseline: BaselineView, unknown: str) -> list[_Judged]:
    """Return what each detector says, in their order; those that are configured alike are asked together."""
    found: dict[int, _Judged] = {}
    accumulators = profile.accumulators
    for numbers in plan.alike:
        needs = [plan.detectors[number].needs for number in numbers]
        sides = [(baseline.accumulators[need], accumulators[need], baseline.rho.get(need, 0.0)) for need in needs]
        for stack in stacks(plan.detectors[numbers[0]].detector, numbers, sides):
            found |= zip(stack.numbers, _verdicts(plan, stack, profile, baseline, unknown), strict=True)
    return [found[number] for number in range(len(plan.detectors))]


def _verdicts(plan: MonitorPlan, stack: Stack, profile: Profile, baseline: BaselineView, unknown: str) -> list[_Judged]:
    """Return the verdict of each detector of a stack for every segment, and the evidence of those above a threshold."""
    items = [plan.detectors[number] for number in stack.numbers]
    score: Score = items[0].detector.compare(stack.baseline, stack.current, stack.rho)
    levels, reasons = plan.policy.levels(score, items[0].spec)
    found = [_LEVELS[level] for level in levels.tolist()]
    why = reasons.tolist()
    size = len(found) // len(items)
    parts = [slice(start, start + size) for start in range(0, len(found), size)]
    for item, rows in zip(items, parts, strict=True):
        learning = item.needs in baseline.learning
        if unknown or baseline.unknown or learning or item.needs in profile.incomplete:
            found[rows] = [Level.UNKNOWN] * size
            why[rows] = [unknown or baseline.unknown or (LEARNING_REASON if learning else EPOCH_CHANGE)] * size
    views = _views(plan, items, score, found, why)
    return [
        (views[rows], _proof(plan, item, profile, score, found, rows)) for item, rows in zip(items, parts, strict=True)
    ]


def _proof(
    plan: MonitorPlan, item: FieldDetector, profile: Profile, score: Score, levels: list[Level], rows: slice
) -> dict[tuple[str, str, str], str]:
    """Return the evidence of a detector's verdicts that are above a threshold."""
    if score.contributions is None or max(levels[rows]) < Level.WARNING:
        return {}
    labels = _labels(item, profile.accumulators[item.needs])
    every = zip(plan.segmenter.labels, levels[rows], score.contributions[rows], strict=False)
    return {
        (item.field, segment, item.name): evidence(labels, parts)
        for segment, level, parts in every
        if level >= Level.WARNING
    }


def _labels(item: FieldDetector, current: Any) -> tuple[str, ...]:
    """Return the name of each cell that contributions are of: the detector's own, the accumulator's, or the usual."""
    if (named := getattr(item.detector, "labels", None)) is not None:
        return tuple(named(current))
    if (own := getattr(current, "named_cells", None)) is not None:
        return tuple(own())
    return cell_labels(current, getattr(item.spec, "buckets", None))


def _views(
    plan: MonitorPlan, items: Sequence[FieldDetector], score: Score, levels: list[Level], reasons: list[str]
) -> list[VerdictView]:
    """Return the verdicts as values, one a detector and segment."""
    segments = plan.segmenter.labels[: len(levels) // len(items)]
    columns = zip(  # noqa: B905 - what only some detectors give is repeated for ever
        [item.field for item in items for _ in segments],
        segments * len(items),
        [item.name for item in items for _ in segments],
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
    return list(starmap(VerdictView, columns))


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
        spec, samples = check.spec, tuple(profile.samples[number])
        columns = zip(levels.tolist(), reasons.tolist(), ratios.tolist(), counts.tolist(), strict=True)
        for segment, (level, reason, ratio, (failures, rows)) in zip(plan.segmenter.labels, columns, strict=True):
            judged = (Level.UNKNOWN, why_not) if why_not else (_LEVELS[level], reason)
            outcomes.append(
                CheckOutcome(
                    spec.name,
                    spec.field,
                    segment,
                    judged[0],
                    failures,
                    rows,
                    ratio if rows else None,
                    judged[1],
                    samples=samples,
                )
            )
            samples = ()
    return outcomes
