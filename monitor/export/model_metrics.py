"""What a model is worth, and what became of its predictions and labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.export.declaration import Declared, Kind, Read, Row
from monitor.export.labels import reason_code
from monitor.model_views import JoinView, ModelView
from monitor.snapshot import DelayView, Snapshot
from monitor.types import Level

_ID = ("metric", "segment", "source")


def _model(name: str, what: str, read: Read, labels: tuple[str, ...] = _ID) -> Declared:
    return Declared("Models", name, "gauge", what, labels, read)


def _id(view: ModelView) -> tuple[str, ...]:
    return (view.metric, view.segment, view.source)


def _bounds(s: Snapshot) -> Iterable[Row]:
    for view in s.model.metrics:
        yield (*_id(view), "lower"), view.lower
        yield (*_id(view), "upper"), view.upper


def _cohorts(s: Snapshot) -> Iterable[Row]:
    return sorted({view.source: ((view.source,), view.end_ms / 1000) for view in s.model.metrics}.values())


def _join(name: str, kind: Kind, what: str, labels: tuple[str, ...], read: Read) -> Declared:
    return Declared("Joins", name, kind, what, labels, read)


def _of_join(s: Snapshot) -> tuple[JoinView, ...]:
    return () if s.model.join is None else (s.model.join,)


def _predictions(s: Snapshot) -> Iterable[Row]:
    for join in _of_join(s):
        yield ("taken",), join.predictions
        yield ("scored",), join.matured
        yield ("late",), join.late
        yield ("unsampled",), join.unsampled


def _labels(s: Snapshot) -> Iterable[Row]:
    return (((outcome,), n) for join in _of_join(s) for outcome, n in sorted(join.labels.items()))


def _waiting(s: Snapshot) -> Iterable[Row]:
    for join in _of_join(s):
        yield ("labels",), join.waiting_labels
        yield ("predictions",), join.waiting_predictions


MODELS: Final = (
    _model(
        "driftline_model_level",
        "Level of a model's metric: 0 ok, 1 warning, 2 critical; absent while unknown.",
        lambda s: ((_id(v), v.level) for v in s.model.metrics if v.level is not Level.UNKNOWN),
    ),
    _model(
        "driftline_model_unknown",
        "1 while a model's metric is unknown, with the reason; absent otherwise.",
        lambda s: (((*_id(v), reason_code(v.reason)), 1) for v in s.model.metrics if v.level is Level.UNKNOWN),
        (*_ID, "reason"),
    ),
    _model(
        "driftline_model_metric",
        "A model's metric over the last cohort: realized with labels, estimated without, errors on average.",
        lambda s: ((_id(v), v.value) for v in s.model.metrics),
    ),
    _model(
        "driftline_model_metric_bound",
        "The ends of the metric's 95 % interval.",
        _bounds,
        (*_ID, "bound"),
    ),
    _model(
        "driftline_model_metric_baseline",
        "The same metric of the baseline's rows.",
        lambda s: ((_id(v), v.baseline) for v in s.model.metrics),
    ),
    _model(
        "driftline_model_metric_rows",
        "Rows of the last cohort that the metric is made of.",
        lambda s: ((_id(v), v.rows) for v in s.model.metrics if v.predictions),
    ),
    _model(
        "driftline_model_cohort_timestamp_seconds",
        "Where the window of the last cohort's predictions ended; with labels that come later it is older.",
        _cohorts,
        ("source",),
    ),
)

JOINS: Final = (
    _join(
        "driftline_join_predictions_total",
        "counter",
        "Predictions by what became of them: taken, scored, too late for their cohort, not sampled.",
        ("outcome",),
        _predictions,
    ),
    _join(
        "driftline_join_labels_total",
        "counter",
        "Labels by what became of them: joined to their prediction, one too many for it, without one (orphan).",
        ("outcome",),
        _labels,
    ),
    _join(
        "driftline_join_ratio",
        "gauge",
        "Share of the last cohort's predictions that got a label.",
        (),
        lambda s: (((), join.ratio) for join in _of_join(s)),
    ),
    _join(
        "driftline_join_waiting_rows",
        "gauge",
        "Predictions and labels that wait for each other.",
        ("side",),
        _waiting,
    ),
    _join(
        "driftline_join_sampled_ratio",
        "gauge",
        "Share of all ids that is looked at; below 1 while more wait than model.max_pending.",
        (),
        lambda s: (((), join.sampled_ratio) for join in _of_join(s)),
    ),
    _join(
        "driftline_join_label_delay_seconds",
        "histogram",
        "Event time from a prediction to its label.",
        (),
        lambda s: (((), DelayView(j.delay_bounds_s, j.delay_counts, j.delay_sum_s)) for j in _of_join(s)),
    ),
)
