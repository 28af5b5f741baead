"""Incidents and segments' parts as JSON values of /api/v1."""

from __future__ import annotations

from typing import Any

from monitor.snapshot import IncidentView, SegmentPart
from monitor.web.json import moment, text
from monitor.web.text import finite

_MAX_STREAMS = 100


def part_document(part: SegmentPart) -> dict[str, Any]:
    """Return a segment's part in a movement."""
    return {
        "segment": text(part.segment),
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
        **moment("onset", incident.onset_ms),
        "primary": {
            "field": text(incident.field),
            "segment": text(incident.segment),
            "detector": text(incident.rule),
        },
        "summary": text(incident.summary),
        "streams": [
            {
                "field": text(stream.field),
                "segment": text(stream.segment),
                "detector": text(stream.rule),
                "level": stream.level.name.lower(),
                "strength": finite(stream.strength),
            }
            for stream in incident.streams[:_MAX_STREAMS]
        ],
        "segments": [part_document(part) for part in incident.segments],
        "mix_share": finite(incident.mix_share),
        "within_share": finite(incident.within_share),
        "cells": [{"cell": text(label), "share": finite(share)} for label, share in incident.cells],
        "related": [{"field": text(field), "correlation": finite(r)} for field, r in incident.related],
    }
