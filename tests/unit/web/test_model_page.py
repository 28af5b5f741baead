"""The page of a model: what it is worth with labels and without, why, and what became of its labels."""

from __future__ import annotations

from dataclasses import replace

from monitor.model_views import NO_MODEL, ModelState, ModelView
from monitor.types import Level
from monitor.web.model_page import metric_rows, page_of
from tests.support.snapshots import bad_night, quiet_night
from tests.unit.web.test_console import page


def view(
    metric: str, source: str = "realized", segment: str = "", level: Level = Level.OK, **more: object
) -> ModelView:
    return replace(ModelView("said", f"model.{metric}", metric, source, segment, level, level.name.lower()), **more)


def test_the_page_shows_metrics_with_their_interval_the_tables_and_the_labels():
    answer = page(bad_night(), "/model")
    assert answer.status_code == 200
    for shown in (
        "0.79 … 0.83",
        "worse than baseline",
        "Confusion matrix",
        "1,170",
        "78.0 %, was 89.7 %",
        "92.6 %",
        "up to 1 h",
    ):
        assert shown in answer.text, shown
    assert answer.text.count("<circle") == 3
    assert "&lt;yes&gt;" in answer.text
    assert "<yes>" not in answer.text, "classes are what somebody wrote"
    assert '<a href="/model">' in page(bad_night()).text


def test_a_monitor_without_a_model_has_neither_page_nor_section():
    without = replace(quiet_night(), model=NO_MODEL)
    assert page(without, "/model").status_code == 404
    assert 'href="/model"' not in page(without).text


def test_an_estimate_without_rows_does_not_hide_what_labels_said():
    """The window of now is empty, the cohort of this morning is not."""
    empty = view("accuracy", "estimated", level=Level.UNKNOWN)
    bad = view("accuracy", level=Level.CRITICAL, evidence="concept drift: it is", baseline=0.9)
    (row,) = metric_rows([empty, bad])
    assert (row.level, row.said, row.baseline) == (Level.CRITICAL, "critical; concept drift: it is", 0.9)
    assert metric_rows([empty, view("accuracy")])[0].level is Level.OK
    assert metric_rows([empty])[0].level is Level.UNKNOWN


def test_segments_that_are_ok_wait_to_be_asked_for_and_what_is_bad_comes_first():
    views = [
        view("accuracy", segment="version=v1"),
        view("auc"),
        view("recall", level=Level.WARNING),
        view("accuracy", segment="version=v2", level=Level.CRITICAL),
        view("ddm", "errors", "version=v1"),
        view("ddm", "errors"),
    ]
    few = page_of(ModelState(tuple(views)), show_all=False)
    assert [(row.metric, row.segment) for row in few.rows] == [("recall", ""), ("auc", ""), ("accuracy", "version=v2")]
    assert (few.hidden, len(few.errors), few.level) == (1, 1, Level.CRITICAL)
    every = page_of(ModelState(tuple(views)), show_all=True)
    assert (len(every.rows), every.hidden, len(every.errors)) == (4, 0, 2)
