"""The promised JSON lines."""

from __future__ import annotations

import json

from monitor.lines import alert_line, field_lines, summary_line, window_lines
from monitor.types import Alert
from tests.support.monitors import FIRST_MS, fetch, make_baseline, make_engine, make_plan, record

PLAN = make_plan(baseline=make_baseline(segments=[("country", 1, None)]), idle_ms=None)


def windows():
    engine = make_engine(PLAN)
    values = [record(FIRST_MS + i, 5.0, ["DE", "US"][i % 2]) for i in range(20)]
    return engine.step([fetch([*values, record(FIRST_MS + 9_500)], end=21)], 0).windows


def test_a_window_is_its_verdicts_then_its_checks():
    lines = list(window_lines(PLAN, windows()[0]))
    assert [line["kind"] for line in lines] == ["verdict"] * 15 + ["check"] * 7
    assert set(lines[0]) == {
        "kind", "monitor", "window_start_ms", "window_end_ms", "segment", "field", "detector", "score", "lower_bound",
        "noise_floor", "p_value", "n_baseline", "n_current", "level", "reason",
    }  # fmt: skip
    assert set(lines[-1]) == {
        "kind", "monitor", "window_start_ms", "window_end_ms", "segment", "field", "check", "failures", "rows",
        "failure_ratio", "level", "reason", "value",
    }  # fmt: skip
    assert [line["segment"] for line in lines[:3]] == [{}, {"country": "DE"}, {"country": "<other>"}]
    assert {line["level"] for line in lines} <= {"ok", "warning", "critical", "unknown"}


def test_a_run_of_empty_windows_is_one_line():
    gap = windows()[1]
    assert list(window_lines(PLAN, gap)) == [
        {
            "kind": "gap",
            "monitor": "m",
            "window_start_ms": FIRST_MS + 1_000,
            "window_end_ms": FIRST_MS + 9_000,
            "windows": 8,
            "rows": 0,
            "level": "unknown",
            "checks": {"volume": "critical"},
        }
    ]


def test_every_line_is_json_without_nan():
    for window in windows():
        for line in [*window_lines(PLAN, window), *field_lines(PLAN, window)]:
            assert json.loads(json.dumps(line, allow_nan=False)) is not None


def test_the_statistics_are_a_line_for_each_field_and_segment_and_none_for_a_gap():
    first, gap = windows()
    lines = list(field_lines(PLAN, first))
    assert [(line["field"], line["segment"]) for line in lines[:2]] == [("amount", {}), ("amount", {"country": "DE"})]
    assert len(lines) == 6
    assert list(field_lines(PLAN, gap)) == []


def test_an_alert_is_its_life():
    alert = Alert("resolved", "f", "warning", 1, 2, {"rule": "psi"}, {"summary": "s"})
    assert alert_line(alert) == {
        "kind": "alert",
        "status": "resolved",
        "fingerprint": "f",
        "severity": "warning",
        "starts_at_ms": 1,
        "ends_at_ms": 2,
        "labels": {"rule": "psi"},
        "annotations": {"summary": "s"},
    }


def test_the_summary_is_the_totals():
    assert summary_line({"records": 3}) == {"kind": "summary", "records": 3}
