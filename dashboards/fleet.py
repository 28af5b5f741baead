"""The first look: every monitor, what fires, what drifts most, who is behind."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.budget import budget
from dashboards.checks import checks
from dashboards.frame import Section, annotated, build, link
from dashboards.models import models
from dashboards.panels import (
    GREEN,
    LEVELS,
    RED,
    SEVERITIES,
    UNKNOWN,
    YELLOW,
    YES,
    ZERO_IS_GOOD,
    column,
    going_to,
    graph,
    linked,
    listing,
    number,
    painted,
    rounded,
    stacked,
)
from dashboards.queries import FLEET, datasource, job, now, over_time, rows, runbooks, some_of
from dashboards.selftest import selftest

_ALERT: Final = "monitor, kind, rule, field, segment, severity"
_VERDICT: Final = "monitor, field, segment, detector"
_WORST: Final = (
    f"topk(20, max by ({_VERDICT}) (driftline_drift_lower_bound{{{FLEET}}})"
    " / on (monitor, field, detector) group_left ()"
    f' max by (monitor, field, detector) (driftline_drift_threshold{{{FLEET},level="warning"}}))'
)
_TO_FIELD: Final = link(
    "driftline-field",
    monitor="${__data.fields.Monitor}",
    field="${__data.fields.Field}",
    detector="${__data.fields.Detector}",
)


def fleet() -> Dashboard:
    """Return the dashboard of all monitors."""
    dashboard = build(
        "driftline-fleet",
        "Fleet",
        "Every Driftline monitor: what fires, which fields drift most, which checks fail, who is behind or silent.",
        [
            datasource(),
            job(),
            some_of("monitor", "Monitor", 'label_values(driftline_build_info{job=~"$job"}, monitor)'),
            runbooks(),
        ],
        [_at_a_glance(), _alerts(), _drift(), budget(), selftest(), checks(), models(), _reading()],
    )
    return annotated(dashboard, FLEET)


def _at_a_glance() -> Section:
    silent = f"max by ({_VERDICT}) (driftline_verdict_unknown{{{FLEET}}})"
    unknown = (
        f"(count({silent}) or vector(0)) / count({silent} or max by ({_VERDICT}) (driftline_drift_level{{{FLEET}}}))"
    )

    def firing(severity: str) -> str:
        return f'sum(max by (monitor) (driftline_alerts_firing{{{FLEET},severity="{severity}"}}))'

    return "At a glance", [
        (
            4,
            [
                number(
                    "Critical alerts",
                    "Alerts that fire now with severity critical.",
                    "none",
                    now(firing("critical"), "critical"),
                    steps=ZERO_IS_GOOD,
                ),
                number(
                    "Warnings",
                    "Alerts that fire now with severity warning.",
                    "none",
                    now(firing("warning"), "warning"),
                    steps=((None, "green"), (1, YELLOW)),
                ),
                number(
                    "Unknown verdicts",
                    "Share of the drift verdicts that say nothing. Drift would go unseen; above a half an alert warns.",
                    "percentunit",
                    now(unknown, "unknown"),
                    steps=((None, "green"), (0.2, YELLOW), (0.5, RED)),
                ),
                number(
                    "Records",
                    "Recent rate of records over all topics.",
                    "cps",
                    now(f"sum(driftline_records_per_second{{{FLEET}}})", "records"),
                ),
                number(
                    "Greatest lag",
                    "Age of the oldest unread record of any partition. Above five minutes an alert warns.",
                    "s",
                    now(f"max(driftline_consumer_lag_seconds{{{FLEET}}})", "lag"),
                    steps=((None, "green"), (60, YELLOW), (300, RED)),
                ),
                number(
                    "Not ready",
                    "Monitors that own no partition or have not restored their state.",
                    "none",
                    now(f"count(max by (monitor) (driftline_ready{{{FLEET}}}) == 0) or vector(0)", "not ready"),
                    steps=ZERO_IS_GOOD,
                ),
                number(
                    "Oldest snapshot",
                    "How long ago the data thread of any monitor last said how things stand.",
                    "s",
                    now(f"time() - min(driftline_snapshot_timestamp_seconds{{{FLEET}}})", "age"),
                    steps=((None, "green"), (30, YELLOW), (120, RED)),
                ),
            ],
        )
    ]


def _alerts() -> Section:
    table = listing(
        "Firing alerts",
        "The daemons' own alert books, raised and cleared as configured. The rule leads to the field, the kind to "
        "its runbook.",
        "none",
        {
            "severity": "Severity",
            "monitor": "Monitor",
            "kind": "Kind",
            "rule": "Rule",
            "field": "Field",
            "segment": "Segment",
        },
        rows(f"max by ({_ALERT}) (driftline_alert_firing{{{FLEET}}})"),
        order="Severity",
    )
    to_field = link(
        "driftline-field",
        monitor="${__data.fields.Monitor}",
        field="${__data.fields.Field}",
        detector="${__data.fields.Rule}",
    )
    column(table, "Severity", mapping=SEVERITIES)
    linked(table, "Rule", "Field", to_field)
    linked(table, "Kind", "Runbooks", "${runbooks}/index.html")
    over = graph(
        "Firing alerts over time",
        "Number of alerts that fire, by monitor and severity.",
        "none",
        over_time(f"max by (monitor, severity) (driftline_alerts_firing{{{FLEET}}})", "{{monitor}} {{severity}}"),
    )
    painted(over, {"critical": RED, "warning": YELLOW})
    return "Alerts", [(8, [table, over])]


def _drift() -> Section:
    of_worst = f"and on ({_VERDICT}) {_WORST}"
    table = listing(
        "Fields that drift most",
        "Ordered by the lower confidence bound of the score as a multiple of the warning threshold: from 1 on it "
        "is a warning. Follow the field to its details.",
        "none",
        {
            "monitor": "Monitor",
            "field": "Field",
            "segment": "Segment",
            "detector": "Detector",
            "Value #A": "Bound / threshold",
            "Value #B": "Score",
            "Value #C": "Level",
        },
        rows(_WORST),
        rows(f"max by ({_VERDICT}) (driftline_drift_score{{{FLEET}}}) {of_worst}"),
        rows(
            f"(max by ({_VERDICT}) (driftline_drift_level{{{FLEET}}})"
            f" or max by ({_VERDICT}) (driftline_verdict_unknown{{{FLEET}}}) * {UNKNOWN}) {of_worst}"
        ),
        order="-Bound / threshold",
    )
    for name in ("Bound / threshold", "Score"):
        rounded(table, name, 3)
    column(table, "Level", mapping=LEVELS)
    linked(table, "Field", "Details", _TO_FIELD)
    unknown = stacked(
        "Unknown verdicts by reason",
        "Verdicts that say nothing, by monitor and the reason why.",
        "none",
        over_time(
            f"count by (monitor, reason) (max by ({_VERDICT}, reason) (driftline_verdict_unknown{{{FLEET}}}))",
            "{{monitor}} {{reason}}",
        ),
    )
    return "Drift", [(10, [table]), (7, [unknown, _levels()])]


def _levels() -> object:
    panel = stacked(
        "Drift verdicts by level",
        "How many verdicts of the last window are ok, warning or critical. Unknown ones are none of these.",
        "none",
        *(
            over_time(f"count(max by ({_VERDICT}) (driftline_drift_level{{{FLEET}}}) == {value}) or vector(0)", name)
            for value, name in enumerate(("ok", "warning", "critical"))
        ),
    )
    return painted(panel, {"ok": GREEN, "warning": YELLOW, "critical": RED})


def _reading() -> Section:
    snapshot = f"max by (monitor) (driftline_snapshot_timestamp_seconds{{{FLEET}}})"
    table = listing(
        "Monitors",
        "Whether each monitor reads and judges. A watermark that grows old means that windows cannot close.",
        "none",
        {
            "monitor": "Monitor",
            "Value #A": "Ready",
            "Value #B": "Caught up",
            "Value #C": "Watermark behind",
            "Value #D": "Lag",
            "Value #E": "Windows",
        },
        rows(f"max by (monitor) (driftline_ready{{{FLEET}}})"),
        rows(f"min by (monitor) (driftline_caught_up{{{FLEET}}})"),
        rows(f"{snapshot} - min by (monitor) (driftline_watermark_timestamp_seconds{{{FLEET}}})"),
        rows(f"max by (monitor) (driftline_consumer_lag_seconds{{{FLEET}}})"),
        rows(f"max by (monitor) (driftline_windows_total{{{FLEET}}})"),
    )
    for name in ("Ready", "Caught up"):
        column(table, name, mapping=YES)
    for name in ("Watermark behind", "Lag"):
        column(table, name, unit="s")
    linked(table, "Monitor", "Daemon", link("driftline-daemon", monitor="${__data.fields.Monitor}"))
    rate = graph(
        "Records by topic",
        "Recent rate of records. A series leads to its topic.",
        "cps",
        over_time(f"sum by (monitor, topic) (driftline_records_per_second{{{FLEET}}})", "{{monitor}} {{topic}}"),
    )
    to_topic = link("driftline-topic", monitor="${__field.labels.monitor}", topic="${__field.labels.topic}")
    lag = graph(
        "Lag by topic",
        "Age of the oldest unread record. A series leads to its topic.",
        "s",
        over_time(f"max by (monitor, topic) (driftline_consumer_lag_seconds{{{FLEET}}})", "{{monitor}} {{topic}}"),
    )
    return "Reading", [
        (5, [table]),
        (7, [going_to(rate, "Topic", to_topic), going_to(lag, "Topic", to_topic)]),
    ]
