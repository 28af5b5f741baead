"""The versioned JSON in which alerts are handed to programs: by the webhook and on a Kafka topic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from monitor.digests import digest
from monitor.types import Alert

BODY_VERSION = "1"


def render_body(alerts: Sequence[Alert]) -> bytes:
    """Return `{"version": "1", "monitor": …, "alerts": […]}`: pure ASCII JSON, equal for equal alerts."""
    body = {
        "version": BODY_VERSION,
        "monitor": alerts[0].labels.get("monitor", "") if alerts else "",
        "alerts": [_render(alert) for alert in alerts],
    }
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def delivery_id(alert: Alert) -> str:
    """Return what identifies a transition however often it is sent: 32 hex characters."""
    return digest([alert.fingerprint, alert.status, str(alert.starts_at_ms), alert.severity])


def _render(alert: Alert) -> dict[str, Any]:
    """Return an alert as JSON-able values."""
    return {
        "delivery_id": delivery_id(alert),
        "status": alert.status,
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "starts_at_ms": alert.starts_at_ms,
        "ends_at_ms": alert.ends_at_ms,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
    }
