"""Incidents and segments' parts as JSON values of /api/v1."""

from __future__ import annotations

from typing import Any

from monitor.printable import iso
from monitor.snapshot import IncidentView, SegmentPart
from monitor.web.text import finite, shown

_MAX_CHARS = 1_000
_MAX_STREAMS = 100


def part_document(part: SegmentPart) -> dict[str, Any]:
    """Return a segment's part in a movement."""
    return {
        "segment": _text(part.segment),
        "explanatory_power": finite(part.power),
        "surprise": finite(part.surprise),
        "mix": finite(part.mix),
        "within": finite(part.within),
        "named": part.named,
    }


def incident_document(incident: IncidentView) -> dict[str, Any]:
    """Return an incident, with its 100 strongest streams."""
    return {
        "id": incident.id,
        "onset": iso(incident.onset_ms),
        "onset_ms": incident.onset_ms,
        "primary": {
            "field": _text(incident.field),
            "segment": _text(incident.segment),
            "detector": _text(incident.rule),
        },
        "summary": _text(incident.summary),
        "streams": [
            {
                "field": _text(stream.field),
                "segment": _text(stream.segment),
                "detector": _text(stream.rule),
                "level": stream.level.name.lower(),
                "strength": finite(stream.strength),
            }
            for stream in incident.streams[:_MAX_STREAMS]
        ],
        "segments": [part_document(part) for part in incident.segments],
        "mix_share": finite(incident.mix_share),
        "within_share": finite(incident.within_share),
        "cells": [{"cell": _text(label), "share": finite(share)} for label, share in incident.cells],
        "related": [{"field": _text(field), "correlation": finite(r)} for field, r in incident.related],
    }


def _text(value: str) -> str:
    return shown(value, _MAX_CHARS)
