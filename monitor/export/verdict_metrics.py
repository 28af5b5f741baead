"""What windows were judged to be: levels first, then the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from monitor.export.declaration import Declared, Kind, Read, Row
from monitor.export.labels import reason_code
from monitor.snapshot import Snapshot
from monitor.types import Alert, Level


def _level(name: str, what: str, labels: tuple[str, ...], read: Read) -> Declared:
    return Declared("Drift levels", name, "gauge", what, labels, read)


def _score(name: str, what: str, labels: tuple[str, ...], read: Read) -> Declared:
    return Declared("Drift scores", name, "gauge", what, labels, read)


def _check(name: str, kind: Kind, what: str, read: Read, labels: tuple[str, ...] = ("check", "segment")) -> Declared:
    return Declared("Checks", name, kind, what, labels, read)


_id: Final = attrgetter("field", "segment", "detector")  # there are thousands of views, which this reads in C
_check_id: Final = attrgetter("check", "segment")


def _of_verdicts(attribute: str) -> Read:
    """Return a reader of one attribute of every verdict."""
    value = attrgetter(attribute)

    def rows(s: Snapshot) -> Iterable[Row]:
        return zip(map(_id, s.verdicts), map(value, s.verdicts), strict=True)

    return rows


def _of_checks(attribute: str) -> Read:
    """Return a reader of one attribute of every check."""
    value = attrgetter(attribute)

    def rows(s: Snapshot) -> Iterable[Row]:
        return zip(map(_check_id, s.checks), map(value, s.checks), strict=True)

    return rows


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
        _of_checks("failures_total"),
    ),
    _check(
        "driftline_check_failure_ratio",
        "gauge",
        "Share of the last window's evaluated rows that failed.",
        _of_checks("failure_ratio"),
    ),
    _check(
        "driftline_check_value",
        "gauge",
        "What a check of windows measured in the last window: rows, a share, a number of values.",
        _of_checks("value"),
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
        _of_verdicts("score"),
    ),
    _score(
        "driftline_drift_lower_bound",
        "Lower 95 % confidence bound of the true effect.",
        ("field", "segment", "detector"),
        _of_verdicts("lower_bound"),
    ),
    _score(
        "driftline_drift_noise_floor",
        "Score to expect of the last window's rows without any drift.",
        ("field", "segment", "detector"),
        _of_verdicts("noise_floor"),
    ),
)
