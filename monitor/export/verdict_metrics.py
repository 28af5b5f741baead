"""What windows were judged to be: levels first, then the numbers behind them."""

from __future__ import annotations

from typing import Final

from monitor.export.declaration import Declared, Kind, Read
from monitor.export.labels import reason_code
from monitor.snapshot import VerdictView
from monitor.types import Alert, Level


def _level(name: str, what: str, labels: tuple[str, ...], read: Read) -> Declared:
    return Declared("Drift levels", name, "gauge", what, labels, read)


def _score(name: str, what: str, labels: tuple[str, ...], read: Read) -> Declared:
    return Declared("Drift scores", name, "gauge", what, labels, read)


def _check(name: str, kind: Kind, what: str, read: Read, labels: tuple[str, ...] = ("check", "segment")) -> Declared:
    return Declared("Checks", name, kind, what, labels, read)


def _id(v: VerdictView) -> tuple[str, ...]:
    return (v.field, v.segment, v.detector)


def _alert(a: Alert) -> tuple[str, ...]:
    kind = "check" if a.labels.get("alertname") == "DriftlineCheck" else "drift"
    return (kind, *(a.labels.get(name, "") for name in ("rule", "field", "segment")), a.severity)


LEVELS: Final = (
    _level(
        "driftline_alert_firing",
        "1 for every alert that fires, hysteresis included; absent otherwise. What rules page on.",
        ("kind", "rule", "field", "segment", "severity"),
        lambda s: ((_alert(a), 1) for a in s.alerts if a.status == "firing"),
    ),
    _level(
        "driftline_drift_level",
        "Level of the last verdict: 0 ok, 1 warning, 2 critical; absent while unknown.",
        ("field", "segment", "detector"),
        lambda s: ((_id(v), v.level) for v in s.verdicts if v.level is not Level.UNKNOWN),
    ),
    _level(
        "driftline_verdict_unknown",
        "1 while the verdict is unknown, with the reason; absent otherwise.",
        ("field", "segment", "detector", "reason"),
        lambda s: (((*_id(v), reason_code(v.reason)), 1) for v in s.verdicts if v.level is Level.UNKNOWN),
    ),
)

CHECKS: Final = (
    _check(
        "driftline_check_level",
        "gauge",
        "Level of the last outcome: 0 ok, 1 warning, 2 critical; absent while unknown.",
        lambda s: (((c.check, c.segment), c.level) for c in s.checks if c.level is not Level.UNKNOWN),
    ),
    _check(
        "driftline_check_unknown",
        "gauge",
        "1 while a check's outcome is unknown, with the reason; absent otherwise.",
        lambda s: (((c.check, c.segment, reason_code(c.reason)), 1) for c in s.checks if c.level is Level.UNKNOWN),
        ("check", "segment", "reason"),
    ),
    _check(
        "driftline_check_failures_total",
        "counter",
        "Rows that failed a check.",
        lambda s: (((c.check, c.segment), c.failures_total) for c in s.checks),
    ),
    _check(
        "driftline_check_failure_ratio",
        "gauge",
        "Share of the last window's evaluated rows that failed.",
        lambda s: (((c.check, c.segment), c.failure_ratio) for c in s.checks),
    ),
    _check(
        "driftline_check_value",
        "gauge",
        "What a check of windows measured in the last window: rows, a share, a number of values.",
        lambda s: (((c.check, c.segment), c.value) for c in s.checks),
    ),
)

SEQUENTIAL: Final = (
    Declared(
        "Sequential detectors",
        "driftline_sequential_refused_total",
        "counter",
        "Values of a series that were not finite and so were not given to its sequential detector.",
        ("field", "segment", "detector"),
        lambda s: sorted(s.sequential_refused.items()),
    ),
)

SCORES: Final = (
    _score(
        "driftline_drift_threshold",
        "Score at which a level begins.",
        ("field", "detector", "level"),
        lambda s: sorted(s.thresholds.items()),
    ),
    _score(
        "driftline_drift_score",
        "Score of the last verdict.",
        ("field", "segment", "detector"),
        lambda s: ((_id(v), v.score) for v in s.verdicts),
    ),
    _score(
        "driftline_drift_lower_bound",
        "Lower 95 % confidence bound of the true effect.",
        ("field", "segment", "detector"),
        lambda s: ((_id(v), v.lower_bound) for v in s.verdicts),
    ),
)
