"""Judging a model's cohort: every metric in every segment, against fixed limits and the baseline's value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model_views import ModelView
from monitor.models.error_streams import listeners
from monitor.models.errors import HeardErrors
from monitor.models.plan import ModelPlan, Wanted, error_name, rule_of
from monitor.models.settings import LabelShiftSpec, MetricLimitSpec, MetricSpec
from monitor.performance import Metric, PerformanceCounts
from monitor.performance.compare import worsened
from monitor.performance.estimated import estimated
from monitor.performance.metrics import METRICS, measured
from monitor.printable import iso
from monitor.types import Level

BELOW, ABOVE, WORSE, OK = "below limit", "above limit", "worse than baseline", "ok"
TOO_FEW, NO_ROWS, NO_VALUE = "too few rows", "no rows", "no value"
ZONE, CHANGE = "warning zone", "change found"
_LEVELS = (("critical", Level.CRITICAL), ("warning", Level.WARNING))


@dataclass(frozen=True)
class Judged:
    """One number with its interval, what the baseline's is, and by how much it is worse, at least, than that.

    NaN where it is not defined; `worse` and `worse_surely` are None without a baseline.
    """

    value: float
    lower: float
    upper: float
    error_bound: float
    rows: int
    before: float | None = None
    worse: float | None = None
    worse_surely: float | None = None


def _numbers(wanted: Wanted, now: Metric, before: Metric | None, groups: int) -> Iterator[Judged]:
    """Yield the numbers of every group."""
    change = None if before is None else worsened(now, before, METRICS[wanted.kind].best)
    for group in range(groups):
        yield Judged(
            float(now.value[group]),
            float(now.lower[group]),
            float(now.upper[group]),
            float(now.error_bound[group]),
            int(now.n[group]),
            None if before is None else float(before.value[group]),
            None if change is None else float(change.score[group]),
            None if change is None else float(change.lower_bound[group]),
        )


def judge_metrics(
    plan: ModelPlan,
    source: str,
    counts: PerformanceCounts,
    reference: PerformanceCounts | None,
    labels: tuple[str, ...],
    window: tuple[int, int],
) -> Iterator[ModelView]:
    """Yield every metric of `source` (realized, estimated) in every segment; `window` is that of the predictions."""
    find = measured if source == "realized" else estimated
    predictions = counts.rows.tolist()
    for wanted in plan.realized if source == "realized" else plan.estimated:
        now = find(counts, wanted.kind, wanted.of)
        before = None if reference is None else find(reference, wanted.kind, wanted.of)
        numbers = _numbers(wanted, now, before, len(labels))
        for group, (segment, one) in enumerate(zip(labels, numbers, strict=True)):
            level, reason = level_of(wanted.spec, one, plan.min_rows)
            yield ModelView(
                plan.fields.name,
                rule_of(source, wanted.name),
                wanted.name,
                source,
                segment,
                level,
                reason,
                printed(one.value),
                printed(one.lower),
                printed(one.upper),
                printed(one.error_bound),
                None if one.before is None else printed(one.before),
                one.rows,
                predictions[group],
                *window,
            )


def level_of(spec: MetricSpec | None, now: Judged, min_rows: int) -> tuple[Level, str]:
    """Return the level and the reason of one number.

    On the bound the nearer end of its 95 % interval has to be beyond the limit; that of its difference from the
    baseline's value, which is uncertain too, where it is held to that.
    """
    if now.rows < min_rows:
        return Level.UNKNOWN, TOO_FEW if now.rows else NO_ROWS
    if not np.isfinite(now.value):
        return Level.UNKNOWN, NO_VALUE
    if spec is None:
        return Level.OK, OK
    found = [_limited(spec, now), _dropped(spec, now)]
    return max((each for each in found if each is not None), key=lambda each: each[0], default=(Level.OK, OK))


def _limited(spec: MetricSpec, now: Judged) -> tuple[Level, str] | None:
    raw = spec.level_on == "raw"
    if (level := beyond(spec.max, now.value if raw else now.lower)) is not None:
        return level, ABOVE
    # Turned over, so that one comparison does for both.
    turned = None if spec.min is None else _turned(spec.min)
    if (level := beyond(turned, -(now.value if raw else now.upper))) is not None:
        return level, BELOW
    return None


def _dropped(spec: MetricSpec, now: Judged) -> tuple[Level, str] | None:
    worse = now.worse if spec.level_on == "raw" else now.worse_surely
    level = None if worse is None else beyond(spec.drop_from_baseline, worse)
    return None if level is None else (level, WORSE)


def worse_by(kind: str, now: float, before: float) -> float:
    """Return by how much a metric is worse than it was, in its own unit; below 0 where it is better."""
    match METRICS[kind].best:
        case "high":
            return before - now
        case "low":
            return now - before
        case _:
            return abs(now) - abs(before)


def beyond(limit: MetricLimitSpec | LabelShiftSpec | None, value: float) -> Level | None:
    """Return the highest level whose limit the value is above; None where it is above none."""
    for name, level in _LEVELS:
        where = None if limit is None else getattr(limit, name)
        if where is not None and value > where:
            return level
    return None


def _turned(limit: MetricLimitSpec) -> MetricLimitSpec:
    turn = {name: -where for name, _ in _LEVELS if (where := getattr(limit, name)) is not None}
    return MetricLimitSpec(**turn)


def judge_errors(
    plan: ModelPlan,
    heard: Iterable[HeardErrors],
    predictions: Sequence[int],
    labels: tuple[str, ...],
    window: tuple[int, int],
) -> Iterator[ModelView]:
    """Yield what every detector of concept drift said of a cohort; its value is the mean error.

    `predictions` and `labels` are those of the groups.
    """
    for listener, said in zip(listeners(plan.errors, labels), heard, strict=True):
        spec, group = listener.spec, listener.group
        level, reason = Level.OK, OK
        if not said.rows:
            level, reason = Level.UNKNOWN, NO_ROWS
        elif said.changes:
            level, reason = Level[spec.severity.upper()], CHANGE
        elif said.zone:
            level, reason = Level.WARNING, ZONE
        value = said.total / said.rows if said.rows else None
        yield ModelView(
            plan.fields.name,
            error_name(spec),
            spec.name or spec.kind,
            "errors",
            labels[group],
            level,
            reason,
            value,
            rows=said.rows,
            predictions=predictions[group],
            start_ms=window[0],
            end_ms=window[1],
            evidence=_found(said),
        )


def _found(said: HeardErrors) -> str:
    """Return how many changes there were and when the first, empty without one."""
    if said.change_ms is None:
        return ""
    return f"{said.changes} change{'' if said.changes == 1 else 's'}, the first at {iso(said.change_ms)}"


def unknown_views(
    plan: ModelPlan, labels: tuple[str, ...], reason: str, window: tuple[int, int]
) -> Iterator[ModelView]:
    """Yield everything that is judged with labels as unknown."""
    for wanted in plan.realized:
        for segment in labels:
            yield unknown_view(plan, rule_of("realized", wanted.name), wanted.name, "realized", segment, reason, window)
    for each in listeners(plan.errors, labels):
        name = each.spec.name or each.spec.kind
        yield unknown_view(plan, error_name(each.spec), name, "errors", labels[each.group], reason, window)


def unknown_estimates(
    plan: ModelPlan, labels: tuple[str, ...], reason: str, window: tuple[int, int]
) -> Iterator[ModelView]:
    """Yield everything that is estimated as unknown."""
    for wanted in plan.estimated:
        for segment in labels:
            yield unknown_view(
                plan, rule_of("estimated", wanted.name), wanted.name, "estimated", segment, reason, window
            )


def unknown_view(
    plan: ModelPlan, rule: str, metric: str, source: str, segment: str, reason: str, window: tuple[int, int]
) -> ModelView:
    """Return that nothing is known of one metric in one segment, and why."""
    view = ModelView(plan.fields.name, rule, metric, source, segment, Level.UNKNOWN, reason)
    return ModelView(**{**vars(view), "start_ms": window[0], "end_ms": window[1]})


def printed(value: float) -> float | None:
    """Return a number as views have it: None where it is not defined."""
    return value if np.isfinite(value) else None
