"""What the log says of a step."""

from __future__ import annotations

import structlog

from monitor.engine import Engine
from monitor.results import StepResult


def say(engine: Engine, result: StepResult) -> None:
    """Log the windows that were judged, the baselines and the alerts that changed with them."""
    log = structlog.get_logger(__name__)
    for window in result.windows:
        span = {"start_ms": window.start_ms, "end_ms": window.end_ms}
        log.info("window_judged", **span, rows=window.rows, windows=window.windows)
        for change in window.baseline_changes:
            log.info("baseline_changed", field=change.unit, at_ms=change.at_ms, reason=change.reason)
        if window.partial:
            log.warning("window_partial", owned=len(engine.partitions), expected=engine.expected)
    for alert in result.alerts:
        known_by = {"fingerprint": alert.fingerprint, "starts_at_ms": alert.starts_at_ms}
        log.warning("alert_changed", status=alert.status, labels=dict(alert.labels), **known_by)
