"""Alerts to test with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from monitor.types import Alert

START_MS = 1_700_000_000_000


def an_alert(
    name: str = "amount",
    status: Literal["firing", "resolved"] = "firing",
    severity: Literal["warning", "critical"] = "warning",
    starts_at_ms: int = START_MS,
    extra: Mapping[str, str] | None = None,
) -> Alert:
    """Return an alert on field `name`, whose fingerprint is derived from it, and with `extra` labels."""
    return Alert(
        status=status,
        fingerprint=f"fp-{name}",
        severity=severity,
        starts_at_ms=starts_at_ms,
        ends_at_ms=starts_at_ms + 120_000 if status == "resolved" else None,
        labels={
            "alertname": "DriftlineDrift",
            "monitor": "payments",
            "rule": "psi",
            "field": name,
            "severity": severity,
            **(extra or {}),
        },
        annotations={"summary": f"{name} drifts", "reason": "score 0.31 above 0.25"},
    )
