"""The committed dashboards, as Grafana would ask Prometheus on their behalf."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.prometheus import Prometheus

FILES = sorted((Path(__file__).parents[2] / "dashboards").glob("*.json"))
_NOT_NAMES = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABELS = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)|\{[^}]*\}")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[\w:])")
_WORDS = {"or", "and", "unless", "offset", "bool", "by", "on", "ignoring", "without", "group_left"}


@dataclass(frozen=True)
class Target:
    """One query of one panel."""

    dashboard: str
    panel: str
    ref: str
    expression: str
    instant: bool
    legend: str


def load(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show something, in reading order."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(dashboard: Mapping[str, Any]) -> Iterator[Target]:
    """Return every query of every panel, and those of the annotations."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            where = (dashboard["uid"], panel["title"], target["refId"])
            yield Target(*where, target["expr"], target["instant"], target["legendFormat"])
    for note in dashboard["annotations"]["list"]:
        yield Target(dashboard["uid"], f"annotation {note['name']}", "A", note["expr"], instant=False, legend="")


def metrics(expression: str) -> set[str]:
    """Return the names of the metrics of an expression."""
    bare = _LABELS.sub(" ", _NOT_NAMES.sub('""', expression))
    bare = re.sub(r"\[[^\]]*\]|\$\w+|\b\d+(?:\.\d+)?[smhd]?\b", " ", bare)
    return set(_NAME.findall(bare)) - _WORDS


def filled(expression: str, values: Mapping[str, str]) -> str:
    """Return the expression with variables in their places, as Grafana does; fails where one has no value."""

    def value(match: re.Match[str]) -> str:
        return values[match[1]]

    return re.sub(r"\$([A-Za-z_]\w*)", value, expression)


def choices(prometheus: Prometheus, query: str, values: Mapping[str, str]) -> list[str]:
    """Return what a variable whose query is `label_values(SERIES, LABEL)` can be."""
    matched = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert matched, query
    found: list[str] = prometheus.api(f"label/{matched[2]}/values", **{"match[]": filled(matched[1], values)})
    return found


def ask(
    prometheus: Prometheus, target: Target, values: Mapping[str, str], start_s: float, end_s: float
) -> list[dict[str, Any]]:
    """Return the series of a target that have a finite value, each with labels and points `[time, value]`."""
    expression = filled(target.expression, values)
    if target.instant:
        found = prometheus.api("query", query=expression, time=f"{end_s:.3f}")["result"]
        series = [(item["metric"], [item["value"]]) for item in found]
    else:
        # The last step is the end itself: what Prometheus has known for less than a step is seen too.
        span = {"start": f"{end_s - int(end_s - start_s):.3f}", "end": f"{end_s:.3f}", "step": "1"}
        found = prometheus.api("query_range", query=expression, **span)["result"]
        series = [(item["metric"], item["values"]) for item in found]
    finite = [
        {"labels": labels, "points": [[at, float(value)] for at, value in points if math.isfinite(float(value))]}
        for labels, points in series
    ]
    return [one for one in finite if one["points"]]
