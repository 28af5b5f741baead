"""Alerts and silences as JSON values of /api/v1."""

from __future__ import annotations

from typing import Any

from monitor.alert_views import HeldView, PendingView
from monitor.alerting.silence import Silence
from monitor.types import Alert
from monitor.web.json import moment, text


def silence_document(silence: Silence, now_ms: int) -> dict[str, Any]:
    """Return a silence."""
    return {
        "id": silence.id,
        "state": silence.state(now_ms),
        "matchers": [text(str(matcher)) for matcher in silence.matchers],
        **moment("starts_at", silence.starts_at_ms),
        **moment("ends_at", silence.ends_at_ms),
        **moment("created_at", silence.created_at_ms),
        "reason": text(silence.reason),
        "author": text(silence.author),
    }


def _held(h: HeldView) -> dict[str, Any]:
    return {
        "kind": h.kind,
        "by": text(h.by),
        "reason": text(h.reason),
        **moment("until", h.until_ms),
        "sinks": [text(sink) for sink in h.sinks],
    }


def pending_document(p: PendingView) -> dict[str, Any]:
    """Return a stream on its way to an alert."""
    return {
        "rule": text(p.rule),
        "field": text(p.field),
        "segment": text(p.segment),
        "windows": p.windows,
        "raise_after": p.raise_after,
        **moment("since", p.since_ms),
        "reason": text(p.reason),
    }


def alert_document(a: Alert, held: tuple[HeldView, ...]) -> dict[str, Any]:
    """Return an alert, and why its notifications are held."""
    return {
        "status": a.status,
        "fingerprint": text(a.fingerprint),
        "severity": a.severity,
        **moment("starts_at", a.starts_at_ms),
        **moment("ends_at", a.ends_at_ms),
        "labels": {text(k): text(v) for k, v in a.labels.items()},
        "annotations": {text(k): text(v) for k, v in a.annotations.items()},
        "incident": text(a.annotations["incident"]) if "incident" in a.annotations else None,
        "cause": text(a.annotations["cause"]) if "cause" in a.annotations else None,
        "held": [_held(h) for h in held],
    }
