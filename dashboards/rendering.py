"""The four dashboards by the names of their files, and their text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.daemon import daemon
from dashboards.field import field
from dashboards.fleet import fleet
from dashboards.topic import topic

DASHBOARDS: Final[dict[str, Callable[[], Dashboard]]] = {
    "driftline-fleet": fleet,
    "driftline-topic": topic,
    "driftline-field": field,
    "driftline-daemon": daemon,
}
"""A file's name is its dashboard's uid."""


def render(name: str) -> str:
    """Return a dashboard as indented JSON with sorted keys, so that a change is a readable difference."""
    return json.dumps(DASHBOARDS[name]().build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
