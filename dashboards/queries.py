"""Queries, variables and the selectors that all dashboards share."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable, TextBoxVariable
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableRefresh, VariableSort
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
FLEET: Final = 'job=~"$job",monitor=~"$monitor"'
"""Selects every monitor that is chosen."""
MONITOR: Final = 'job=~"$job",monitor="$monitor"'
"""Selects the one monitor that is chosen."""
INSTANCE: Final = f'{MONITOR},instance=~"$instance"'
"""Selects the daemons of that monitor that are chosen."""
ALL_ROWS: Final = "^$"
"""The regular expression of the label that all rows have: none, which Prometheus takes for an empty one."""


def over_time(expression: str, legend: str) -> Dataquery:
    """Return a query for one point a step; `legend` may hold labels as `{{topic}}`."""
    return Dataquery().expr(expression).legend_format(legend).range().datasource(SOURCE)


def now(expression: str, legend: str) -> Dataquery:
    """Return a query for one value at the end of the chosen time."""
    return Dataquery().expr(expression).legend_format(legend).instant().datasource(SOURCE)


def rows(expression: str) -> Dataquery:
    """Return a query for the rows of a table: labels and one value at the end of the chosen time."""
    return now(expression, "__auto").format(PromQueryFormat.TABLE)


def buckets(expression: str) -> Dataquery:
    """Return a query for a heatmap: a series per bucket, the bound in the label `le`."""
    return over_time(expression, "{{le}}").format(PromQueryFormat.HEATMAP)


def datasource() -> DatasourceVariable:
    """Return the choice of a Prometheus, which every query names."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def runbooks() -> TextBoxVariable:
    """Return the address of the runbooks, hidden: to be changed once, in the dashboard's settings."""
    address = "https://driftline.example/runbooks"
    return TextBoxVariable("runbooks").label("Runbooks").hide(VariableHide.HIDE_VARIABLE).default_value(address)


def one_of(name: str, label: str, query: str) -> QueryVariable:
    """Return the choice of one value among those that a label has."""
    return (
        QueryVariable(name)
        .label(label)
        .query(query)
        .definition(query)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def some_of(name: str, label: str, query: str) -> QueryVariable:
    """Return the choice of several values, all of them at first."""
    return one_of(name, label, query).multi(multi=True).include_all(include_all=True).all_value(".+")


def job() -> QueryVariable:
    """Return the choice of Prometheus' scrape jobs."""
    return some_of("job", "Job", "label_values(driftline_build_info, job)")


def monitor() -> QueryVariable:
    """Return the choice of one monitor."""
    return one_of("monitor", "Monitor", 'label_values(driftline_build_info{job=~"$job"}, monitor)')
