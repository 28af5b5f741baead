"""Why a model got worse, as far as its own rows can tell: other inputs, other classes, or another relation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.model_views import ModelView
from monitor.models.judging import worse_by
from monitor.models.plan import ModelPlan
from monitor.performance import PerformanceCounts
from monitor.performance.confusion import OF_ALL
from monitor.performance.estimated import estimated
from monitor.types import FloatArray, Level

EXPLAINED = 0.5
"""A cause is named that explains at least this share of what is lost."""


def caused(
    plan: ModelPlan, views: tuple[ModelView, ...], counts: PerformanceCounts | None, before: PerformanceCounts | None
) -> tuple[ModelView, ...]:
    """Return the views with the cause of what is worse than the baseline, as evidence, of all rows.

    Covariate: the performance expected of these inputs, if labels depend on them as in the baseline, is lost too.
    Label: the baseline's errors within each class, weighted by the classes' new shares, lose it too. Concept: neither
    explains half of it, so labels depend on the inputs in another way. Each is of the same rows as the metric.
    """
    if counts is None or before is None or plan.task.kind == "regression":
        return views
    return tuple(
        replace(view, evidence=_cause(plan, view, counts, before))
        if view.source == "realized" and view.level >= Level.WARNING and not view.segment
        else view
        for view in views
    )


def _cause(plan: ModelPlan, view: ModelView, counts: PerformanceCounts, before: PerformanceCounts) -> str:
    kind = view.metric.partition(".")[0]
    if view.value is None or view.baseline is None:
        return ""
    lost = worse_by(kind, view.value, view.baseline)
    if lost <= 0:
        return ""
    shares = {}
    if any(wanted.name == view.metric for wanted in plan.estimated):
        expected = [float(estimated(each, kind, None).value[0]) for each in (counts, before)]
        shares["covariate"] = worse_by(kind, *expected) / lost
    mixed = _by_classes(kind, counts, before)
    if mixed is not None:
        shares["label"] = worse_by(kind, mixed, view.baseline) / lost
    known = {name: share for name, share in shares.items() if np.isfinite(share)}
    named = max(known, key=lambda name: known[name], default="")
    cause = named if named and known[named] >= EXPLAINED else "concept"
    words = {
        "covariate": "covariate shift: the inputs are others, and the performance estimated without labels fell too",
        "label": "label shift: the classes have other shares, with errors within each class as in the baseline",
        "concept": "concept drift: labels depend on the inputs in another way than in the baseline",
    }[cause]
    parts = ", ".join(f"{name} explains {min(max(share, 0.0), 1.0):.0%}" for name, share in known.items())
    return f"{words} ({parts} of the loss)" if parts else words


def _by_classes(kind: str, counts: PerformanceCounts, before: PerformanceCounts) -> float | None:
    """Return the metric of the baseline's confusion matrix with the classes' shares of these rows; None without one."""
    if kind not in OF_ALL:
        return None
    now, then = (np.asarray(each.classes.confusion[0], np.float64) for each in (counts, before))
    labels, known = now.sum(axis=1), then.sum(axis=1)
    if not labels.sum() or ((known == 0) & (labels > 0)).any():
        return None
    weights: FloatArray = labels / np.where(known > 0, known, 1.0)
    return float(OF_ALL[kind]((then * weights[:, None])[None]).value[0])
