"""Judging the classes' shares of a window's labels before these have come, against the baseline's shares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitor.model_views import ModelView
from monitor.models.judging import NO_ROWS, OK, TOO_FEW, beyond, printed, unknown_view
from monitor.models.plan import ModelPlan, rule_of
from monitor.performance import PerformanceCounts
from monitor.performance.label_shift import ASSUMPTION, METHODS, LabelShares, label_shares
from monitor.types import IntArray, Level

SHIFTED = "label share shifted"
NO_LABELS, CLASS_MISSING = "no labels in the baseline", "class missing in the baseline"
ALIKE = "classes not told apart"
"""The confusion matrix of the baseline is so ill-conditioned that its inverse would say anything."""


def judge_shares(
    plan: ModelPlan,
    counts: PerformanceCounts | None,
    reference: PerformanceCounts | None,
    labels: tuple[str, ...],
    window: tuple[int, int],
) -> Iterator[ModelView]:
    """Yield the estimated share of each class in every segment; `counts` are the window's, None without rows.

    The level is that of how far, at least, it is from the baseline's share: from the nearer end of its interval.
    """
    if not plan.label_shares:
        return
    if counts is None or reference is None:
        reason = NO_ROWS if counts is None else NO_LABELS
        for _, name in plan.label_shares:
            for segment in labels:
                yield unknown_view(plan, rule_of("estimated", name), name, "estimated", segment, reason, window)
        return
    found, predictions = label_shares(reference, counts), counts.rows.tolist()
    known = np.broadcast_to(reference.classes.labels, (len(labels), len(plan.task.classes)))
    rows = np.where(found.n > 0, found.n, counts.classes.predictions.sum(axis=1)).tolist()
    for place, name in plan.label_shares:
        for group, segment in enumerate(labels):
            level, reason = _level(plan, found, rows[group], known[group], (group, place))
            yield ModelView(
                plan.fields.name,
                rule_of("estimated", name),
                name,
                "estimated",
                segment,
                level,
                reason,
                printed(float(found.shares[group, place])),
                printed(float(found.lower[group, place])),
                printed(float(found.upper[group, place])),
                None,
                printed(float(found.baseline[group, place])),
                rows[group],
                predictions[group],
                *window,
                "" if level in (Level.UNKNOWN, Level.OK) else f"{ASSUMPTION} ({METHODS[found.method[group]]})",
            )


def _level(plan: ModelPlan, found: LabelShares, rows: int, known: IntArray, at: tuple[int, int]) -> tuple[Level, str]:
    """Return the level and the reason of the share `at` (group, class); `known`: the baseline's labels by class."""
    if rows < plan.min_rows:
        return Level.UNKNOWN, TOO_FEW if rows else NO_ROWS
    if not known.sum():
        return Level.UNKNOWN, NO_LABELS
    if not np.isfinite(found.shares[at]):
        return Level.UNKNOWN, ALIKE if known.all() else CLASS_MISSING
    before = found.baseline[at]
    level = beyond(plan.label_shift, float(max(found.lower[at] - before, before - found.upper[at])))
    return (Level.OK, OK) if level is None else (level, SHIFTED)
