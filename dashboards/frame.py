"""What all dashboards have in common: layout, links between them, annotations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, GridPos

from dashboards.queries import FLEET, SOURCE

TAG: Final = "driftline"
WIDTH: Final = 24
Shelf = tuple[int, Sequence[Any]]
"""A height, in units of Grafana's grid, and panels that share the width equally."""
Section = tuple[str, Sequence[Shelf]]
_KEEP: Final = "${datasource:queryparam}&${__url_time_range}"


def link(uid: str, **variables: str) -> str:
    """Return the address of one of our dashboards with variables set, at the same time and data source."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return f"/d/{uid}?{_KEEP}{chosen}"


def build(uid: str, title: str, description: str, variables: Sequence[Any], sections: Sequence[Section]) -> Dashboard:
    """Return a dashboard with its panels laid out in sections, and what all of them have."""
    dashboard = (
        Dashboard(f"Driftline / {title}")
        .uid(uid)
        .description(description)
        .tags([TAG])
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .link(_links())
    )
    for variable in variables:
        dashboard.with_variable(variable)
    _lay_out(dashboard, sections)
    return dashboard


def annotated(dashboard: Dashboard, firing: str, selector: str = FLEET) -> Dashboard:
    """Return the dashboard with the alerts that `firing` finds, and changes of configuration and baseline."""
    by = "monitor, kind, rule, field, segment, severity"
    fired = f"max by ({by}) (driftline_alert_firing{{{firing}}})"
    return (
        dashboard.annotation(_annotation("Alerts", fired, RED, "{{severity}}: {{rule}} {{field}} {{segment}}"))
        .annotation(_annotation("Configuration", _new("driftline_config_info", "hash", selector), BLUE, "{{hash}}"))
        .annotation(_annotation("Baseline", _new("driftline_baseline_info", "version", selector), TEAL, "{{version}}"))
    )


RED, BLUE, TEAL = "red", "blue", "#73BFB8"


def _new(metric: str, label: str, selector: str) -> str:
    """Return a query for what is there and was not five minutes before."""
    found = f"max by (monitor, {label}) ({metric}{{{selector}}}"
    return f"{found}) unless {found} offset 5m)"


def _annotation(name: str, expression: str, color: str, title: str) -> AnnotationQuery:
    query = Dataquery().expr(expression).ref_id("Anno").datasource(SOURCE)
    return (
        AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .expr(expression)
        .target(query)
        .icon_color(color)
        .title_format(name)
        .text_format(f"{{{{monitor}}}} {title}")
        .step("60s")
    )


def _links() -> DashboardLink:
    """Return links to all dashboards with our tag, that keep the time and the variables."""
    link_ = DashboardLink("Driftline").type(DashboardLinkType.DASHBOARDS).tags([TAG]).icon("external link")
    return link_.include_vars(include_vars=True).keep_time(keep_time=True).as_dropdown(as_dropdown=False)


def _lay_out(dashboard: Dashboard, sections: Sequence[Section]) -> None:
    """Add the panels from the top down, every shelf as wide as the dashboard, with ids in reading order."""
    y = number = 0
    for title, shelves in sections:
        number += 1
        dashboard.with_row(Row(title).id(number).grid_pos(GridPos(h=1, w=WIDTH, x=0, y=y)))
        y += 1
        for height, panels in shelves:
            edges = [place * WIDTH // len(panels) for place in range(len(panels) + 1)]
            for panel, (left, right) in zip(panels, pairwise(edges), strict=True):
                number += 1
                dashboard.with_panel(panel.id(number).grid_pos(GridPos(h=height, w=right - left, x=left, y=y)))
            y += height
