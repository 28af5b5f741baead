"""The sink that writes alerts to the program's own log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import structlog

from monitor.sinks.options import AT_ONCE, After, MinSeverity, SinkName
from monitor.sinks.tap import Message, Tap
from monitor.spec import Spec
from monitor.types import Alert


class LogSpec(Spec):
    """Alerts as structured log events `alert_fired` (warning) and `alert_resolved` (info)."""

    kind: Literal["log"] = "log"
    name: SinkName = "log"
    min_severity: MinSeverity = "warning"
    after: After = AT_ONCE

    def build(self, tap: Tap | None = None) -> LogSink:
        """Return the sink."""
        return LogSink(self.name, tap)


class LogSink:
    """Writes one event per transition; never fails."""

    def __init__(self, name: str, tap: Tap | None = None) -> None:
        """Log under the sink's name."""
        self.name = name
        self._tap = tap
        self._log = structlog.get_logger(__name__)

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Write the alerts, in order."""
        for alert in alerts:
            facts = {
                "sink": self.name,
                "fingerprint": alert.fingerprint,
                "severity": alert.severity,
                "starts_at_ms": alert.starts_at_ms,
                "told_at_ms": now_ms,
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
            }
            if self._tap is not None:
                self._tap(Message("the log", json.dumps({"status": alert.status, **facts}).encode("ascii")))
            elif alert.status == "firing":
                self._log.warning("alert_fired", **facts)
            else:
                self._log.info("alert_resolved", ends_at_ms=alert.ends_at_ms, **facts)

    def close(self) -> None:
        """Do nothing; there is no connection."""
