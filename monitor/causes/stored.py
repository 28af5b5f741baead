"""Open incidents as JSON-able values and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from monitor.causes.tracking import Tracked
from monitor.snapshot import IncidentView, MovingView, SegmentPart
from monitor.types import Level


def state_of(item: Tracked) -> dict[str, Any]:
    """Return an open incident as JSON-able values."""
    view = asdict(item.view)
    for stream in view["streams"]:
        stream["level"] = int(stream["level"])
    return {"view": view, "since_ms": [[*key, since] for key, since in item.since_ms.items()]}


def open_of(state: dict[str, Any]) -> Tracked:
    """Return the open incident that `state_of` described; raises KeyError, TypeError or ValueError on damage."""
    view = dict(state["view"])
    view["streams"] = tuple(MovingView(**stream | {"level": Level(stream["level"])}) for stream in view["streams"])
    view["segments"] = tuple(SegmentPart(**part) for part in view["segments"])
    view["cells"] = tuple((str(label), float(share)) for label, share in view["cells"])
    view["related"] = tuple((str(field), r) for field, r in view["related"])
    since = {(str(rule), str(field), str(segment)): int(at) for rule, field, segment, at in state["since_ms"]}
    return Tracked(IncidentView(**view), since)
