"""Every metric by its name: of rows with labels `measured`, and what each is called, is good for and is best at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from monitor.performance import confusion, probability, ranking, regression
from monitor.performance.class_counts import ClassCounts
from monitor.performance.counts import PerformanceCounts
from monitor.performance.error_counts import ErrorCounts
from monitor.performance.metric import Metric, mean_of
from monitor.performance.outcome import Task, TaskKind
from monitor.types import FloatArray, IntArray

Best = Literal["high", "low", "zero"]
_CLASSIFIERS: tuple[TaskKind, ...] = ("binary", "multiclass")


@dataclass(frozen=True)
class MetricKind:
    """What a metric is: for which tasks, which way is better, whether it can be of one class, or need no labels."""

    best: Best
    tasks: tuple[TaskKind, ...] = _CLASSIFIERS
    of_class: bool = False
    needs_probability: bool = False
    without_labels: bool = False


def _of_predicted(*, of_class: bool = False) -> MetricKind:
    return MetricKind("high", of_class=of_class, without_labels=True)


def _of_scores(best: Best, *, without_labels: bool = False) -> MetricKind:
    return MetricKind(best, of_class=True, needs_probability=True, without_labels=without_labels)


def _of_numbers(best: Best) -> MetricKind:
    return MetricKind(best, ("regression",))


METRICS: Mapping[str, MetricKind] = {
    **{name: _of_predicted() for name in confusion.OF_ALL},
    **{name: _of_predicted(of_class=True) for name in confusion.OF_ONE},
    "auc": _of_scores("high", without_labels=True),
    "average_precision": _of_scores("high", without_labels=True),
    "ks": _of_scores("high", without_labels=True),
    "log_loss": MetricKind("low", needs_probability=True),
    "brier": MetricKind("low", needs_probability=True),
    "brier_reliability": _of_scores("low"),
    "brier_resolution": _of_scores("high"),
    "ece": _of_scores("low"),
    "ece_debiased": _of_scores("low"),
    "mae": _of_numbers("low"),
    "rmse": _of_numbers("low"),
    "bias": _of_numbers("zero"),
    "r2": _of_numbers("high"),
    "error_p50": _of_numbers("low"),
    "error_p90": _of_numbers("low"),
    "error_p95": _of_numbers("low"),
    "error_p99": _of_numbers("low"),
}
"""Every metric. `of_class`: also of one class against the rest; without one it is the positive class's of a binary
task, and of more classes the mean over them."""


_OF_NUMBERS: Mapping[str, Callable[[ErrorCounts], Metric]] = {
    "mae": regression.mae,
    "rmse": regression.rmse,
    "bias": regression.bias,
    "r2": regression.r2,
    "error_p50": partial(regression.error_quantile, share=0.5),
    "error_p90": partial(regression.error_quantile, share=0.9),
    "error_p95": partial(regression.error_quantile, share=0.95),
    "error_p99": partial(regression.error_quantile, share=0.99),
}
_OF_LOSSES: Mapping[str, Callable[[ClassCounts], Metric]] = {
    "log_loss": probability.log_loss,
    "brier": probability.brier,
}
_OF_BINS: Mapping[str, Callable[[ClassCounts, int], Metric]] = {
    "brier_reliability": probability.reliability,
    "brier_resolution": probability.resolution,
    "ece": probability.ece,
    "ece_debiased": probability.ece_debiased,
}
_RANKING: Mapping[str, Callable[[FloatArray | IntArray, FloatArray | IntArray], Metric]] = {
    "auc": ranking.auc,
    "average_precision": ranking.average_precision,
    "ks": ranking.ks,
}


def measured(counts: PerformanceCounts, name: str, of: str | None = None) -> Metric:
    """Return a metric of the rows that have labels, `of` one class where given.

    Raises ValueError where there is no such metric, or not of this task or of one class.
    """
    require(counts.task, name, of)
    if name in _OF_NUMBERS:
        return _OF_NUMBERS[name](counts.errors)
    kept = counts.classes
    if name in _OF_LOSSES:
        return _OF_LOSSES[name](kept)
    if name in _OF_BINS:
        return _over_classes([_OF_BINS[name](kept, i) for i in _places(counts.task, of)], counts.labelled)
    if name in _RANKING:
        return of_ranking(counts.task, name, of, kept.positives, kept.negatives)
    return of_matrix(counts.task, name, of, kept.confusion, lambda it: it.counted(kept.confusion, counts.labelled))


def require(task: Task, name: str, of: str | None) -> MetricKind:
    """Return what the metric is; raises ValueError where it is not one of this task, or not of that class."""
    kind = METRICS.get(name)
    if kind is None or task.kind not in kind.tasks:
        of_task = ", ".join(other for other, found in METRICS.items() if task.kind in found.tasks)
        raise ValueError(f"{name!r} is no metric of a {task.kind} task; there are {of_task}")
    if of is not None and not kind.of_class:
        raise ValueError(f"{name!r} is of all classes together, not of one")
    if of is not None and of not in task.classes:
        raise ValueError(f"{of!r} is none of the classes {', '.join(task.classes)}")
    return kind


def of_ranking(
    task: Task, name: str, of: str | None, positives: FloatArray | IntArray, negatives: FloatArray | IntArray
) -> Metric:
    """Return a metric of the order of scores, from counts or expected counts (groups x scored x cells)."""
    found = [_RANKING[name](*_turned(task, of, positives[:, i], negatives[:, i])) for i in _places(task, of)]
    return _over_classes(found, found[0].n)


def of_matrix(
    task: Task,
    name: str,
    of: str | None,
    matrix: FloatArray | IntArray,
    finished: Callable[[confusion.Derived], Metric],
) -> Metric:
    """Return a metric of confusion matrices, counted or expected; `finished` adds how sure it is."""
    if name in confusion.OF_ALL:
        return finished(confusion.OF_ALL[name](matrix))
    if of is not None or task.kind == "binary":
        return finished(confusion.OF_ONE[name](matrix, 1 if of is None else task.classes.index(of)))
    if f"{name}_macro" in confusion.OF_ALL:
        return finished(confusion.OF_ALL[f"{name}_macro"](matrix))
    found = [finished(confusion.OF_ONE[name](matrix, k)) for k in range(len(task.classes))]
    return _over_classes(found, found[0].n)


def _places(task: Task, of: str | None) -> list[int]:
    """Return the places among the scored classes that a metric is made of: one, or all for the mean over them."""
    if task.kind == "binary":
        return [0]
    return list(range(len(task.classes))) if of is None else [task.classes.index(of)]


def _turned(
    task: Task, of: str | None, positives: FloatArray | IntArray, negatives: FloatArray | IntArray
) -> tuple[FloatArray | IntArray, FloatArray | IntArray]:
    """Return both sides, for the negative class of a binary task changed over, by its own rising probability."""
    if task.kind == "binary" and of == task.classes[0]:
        return negatives[:, ::-1], positives[:, ::-1]
    return positives, negatives


def _over_classes(found: list[Metric], n: IntArray) -> Metric:
    return found[0] if len(found) == 1 else mean_of(found, n)
