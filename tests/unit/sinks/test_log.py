"""Alerts in the program's own log."""

from __future__ import annotations

from structlog.testing import capture_logs

from monitor.sinks import LogSpec
from tests.support.alerts import START_MS, an_alert


def test_transitions_are_events_with_their_labels() -> None:
    with capture_logs() as logs:
        LogSpec(name="log").build().deliver([an_alert(), an_alert(status="resolved")], START_MS)
    fired, resolved = logs
    assert (fired["event"], fired["log_level"], fired["sink"]) == ("alert_fired", "warning", "log")
    assert fired["labels"] == dict(an_alert().labels)
    assert (resolved["event"], resolved["log_level"]) == ("alert_resolved", "info")
    assert resolved["ends_at_ms"] == START_MS + 120_000
