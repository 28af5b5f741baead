"""The report's section on a model, from what its windows said."""

from __future__ import annotations

from types import SimpleNamespace

from monitor.model_views import ModelView
from monitor.report.model_section import metric_chart, model_section
from monitor.report.models import GatheredModel, MetricPoint
from monitor.report.page import _TEMPLATES
from monitor.types import Level
from monitor.web.environment import environment
from tests.support.snapshots import bad_night


def heard(values: list[float], *, source: str = "realized", segment: str = "") -> GatheredModel:
    """Return what is gathered of accuracies of one cohort a second; below 0.7 is critical."""
    state = bad_night().model
    watch = SimpleNamespace(tables=state.tables, plan=SimpleNamespace(min_rows=100), shown=lambda _: state)
    engine, found = SimpleNamespace(model=watch), GatheredModel()
    for i, value in enumerate(values):
        level = Level.CRITICAL if value < 0.7 else Level.OK
        evidence = "concept drift: labels mean something else" if level else ""
        numbers = (value, value - 0.03, value + 0.03, 0.0, 0.85)
        view = ModelView(
            "p", "model.accuracy", "accuracy", source, segment, level, "worse than baseline", *numbers,
            rows=500, predictions=600, start_ms=i * 1_000, end_ms=(i + 1) * 1_000, evidence=evidence,
        )  # fmt: skip
        found.hear([view], engine)
    found.finish(engine)
    return found


def test_a_metric_that_fell_says_since_when_how_far_and_why_and_the_page_draws_it():
    section = model_section(heard([0.86, 0.85, 0.6, 0.62]))
    (metric,) = section.metrics
    assert (section.level, metric.level) == (Level.CRITICAL, Level.CRITICAL)
    assert metric.sentence.startswith("At warning or above in 2 of 4 cohorts, first at 1970-01-01 00:00:02")
    assert "0.6, the baseline's is 0.85; worse than baseline; concept drift" in metric.sentence
    assert len(metric.chart.dots) == 2
    html = (
        environment(_TEMPLATES)
        .from_string('{% from "model_report.html" import model_report %}{{ model_report(model) }}')
        .render(model=section)
    )
    for shown in ("Confusion matrix", "&lt;yes&gt;", "Calibration", "Labels came after", 'class="band"'):
        assert shown in html, shown


def test_bad_segments_are_listed_and_a_model_without_a_scored_prediction_has_no_section():
    section = model_section(heard([0.8, 0.5], segment="version=v2"))
    assert [(row.metric, row.segment, row.level) for row in section.segments] == [
        ("accuracy", "version=v2", Level.CRITICAL)
    ]
    assert model_section(GatheredModel()) is None


def test_a_chart_fits_its_values_and_breaks_where_nothing_is_known():
    points = [
        MetricPoint(i * 10, i * 10 + 10, value, None, None, 0.9, Level.OK)
        for i, value in enumerate([0.88, 0.9, None, 0.91, 0.92])
    ]
    chart = metric_chart(points)
    assert chart.realized.count("M") == 2
    heights = [tick.y for tick in chart.ticks]
    assert heights == sorted(heights, reverse=True)
    assert chart.band == ""
    assert metric_chart([MetricPoint(0, 1, None, None, None, None, Level.UNKNOWN)]) is None
    assert metric_chart([MetricPoint(0, 1, 0.0, None, None, None, Level.OK)]).dots
