"""The kinds of panels, each with the settings that make them look alike on all dashboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import barchart, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import (
    LineStyle,
    ReduceDataOptions,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode

from dashboards.queries import SOURCE

Steps = Sequence[tuple[float | None, str]]
GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = "green", "yellow", "orange", "red", "blue", "purple", "#808080"
UNKNOWN: Final = 3
"""What a level is drawn as while it is unknown; the exported levels are 0, 1 and 2."""
PLAIN: Final[Steps] = ((None, "text"),)
ZERO_IS_GOOD: Final[Steps] = ((None, GREEN), (1, RED))
LEVELS: Final = ValueMap(
    options={
        "0": ValueMappingResult(text="ok", color=GREEN, index=0),
        "1": ValueMappingResult(text="warning", color=YELLOW, index=1),
        "2": ValueMappingResult(text="critical", color=RED, index=2),
        str(UNKNOWN): ValueMappingResult(text="unknown", color=PURPLE, index=3),
    }
)
SEVERITIES: Final = ValueMap(
    options={
        "critical": ValueMappingResult(color=RED, index=0),
        "warning": ValueMappingResult(color=YELLOW, index=1),
    }
)
YES: Final = ValueMap(
    options={
        "0": ValueMappingResult(text="no", color=RED, index=0),
        "1": ValueMappingResult(text="yes", color=GREEN, index=1),
    }
)
TROUBLE: Final = ValueMap(
    options={
        "0": ValueMappingResult(text="no", color=GREEN, index=0),
        "1": ValueMappingResult(text="yes", color=RED, index=1),
    }
)


def _panel(kind: Any, title: str, description: str, unit: str, queries: Sequence[Dataquery]) -> Any:
    """Return a panel of a kind with what every panel must have."""
    panel = kind.title(title).description(description).datasource(SOURCE).unit(unit)
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(query.ref_id(letter))
    return panel


def _thresholds(steps: Steps) -> ThresholdsConfig:
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value, color) for value, color in steps])


def _step(kind: str, settings: dict[str, Any]) -> DataTransformerConfig:
    """Return one step of what happens to the data between query and panel."""
    return DataTransformerConfig(kind, options=settings)


def graph(title: str, description: str, unit: str, *queries: Dataquery) -> timeseries.Panel:
    """Return lines over time, with a legend below that says the last value."""
    panel: timeseries.Panel = _panel(timeseries.Panel(), title, description, unit, queries)
    legend = VizLegendOptions().show_legend(show_legend=True).display_mode(options.LegendDisplayMode.LIST)
    return (
        panel.legend(legend.placement(options.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
        .tooltip(VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
        .line_width(1)
        .fill_opacity(8)
        .show_points(options.VisibilityMode.NEVER)
    )


def wide(panel: timeseries.Panel) -> timeseries.Panel:
    """Return the panel with its legend on the right, as a table of last and largest values: it has the room."""
    legend = VizLegendOptions().show_legend(show_legend=True).display_mode(options.LegendDisplayMode.TABLE)
    return panel.legend(legend.placement(options.LegendPlacement.RIGHT).calcs(["lastNotNull", "max"]))


def stacked(title: str, description: str, unit: str, *queries: Dataquery) -> timeseries.Panel:
    """Return areas over time that stand on each other: parts of a whole."""
    return (
        graph(title, description, unit, *queries)
        .stacking(StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
        .fill_opacity(40)
        .min(0)
    )


def painted(panel: timeseries.Panel, colors: Mapping[str, str]) -> timeseries.Panel:
    """Return the panel with the series of these legends in these colours; a legend is a regular expression."""
    for legend, color in colors.items():
        panel.override_by_regexp(f"/{legend}/", [_fixed(color)])
    return panel


def _fixed(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def dashed(panel: timeseries.Panel, legend: str, color: str) -> timeseries.Panel:
    """Return the panel with the series of this legend drawn as a dashed line without an area: a limit, not data."""
    return panel.override_by_regexp(
        f"/{legend}/",
        [
            DynamicConfigValue("custom.lineStyle", LineStyle().fill("dash").dash([8, 6]).build()),
            DynamicConfigValue("custom.fillOpacity", 0),
            _fixed(color),
        ],
    )


def number(
    title: str,
    description: str,
    unit: str,
    query: Dataquery,
    *,
    steps: Steps = PLAIN,
    mapping: ValueMap | None = None,
    named: bool = False,
) -> stat.Panel:
    """Return one large number, coloured by its steps or its mapping; `named` shows the legend in its place."""
    panel: stat.Panel = _panel(stat.Panel(), title, description, unit, [query])
    if mapping is not None:
        panel.mappings([mapping])
    return (
        panel.thresholds(_thresholds(steps))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.NONE)
        .text_mode(options.BigValueTextMode.NAME if named else options.BigValueTextMode.VALUE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def timeline(title: str, description: str, mapping: ValueMap, *queries: Dataquery) -> statetimeline.Panel:
    """Return a bar per series whose colour is its state over time."""
    panel: statetimeline.Panel = _panel(statetimeline.Panel(), title, description, "none", queries)
    return (
        panel.mappings([mapping])
        .thresholds(_thresholds(PLAIN))
        .show_value(options.VisibilityMode.NEVER)
        .row_height(0.8)
        .merge_values(merge_values=True)
        .legend(VizLegendOptions().show_legend(show_legend=True).placement(options.LegendPlacement.BOTTOM))
    )


def listing(
    title: str,
    description: str,
    unit: str,
    columns: Mapping[str, str],
    *queries: Dataquery,
    order: str = "",
) -> table.Panel:
    """Return a table with a row for every set of labels; `columns` are names by label or `Value #A`, in order.

    Columns that are not named are left out. `order` is the column to sort by, with a minus sign: downwards.
    """
    panel: table.Panel = _panel(table.Panel(), title, description, unit, queries)
    single = len(queries) == 1
    names = {("Value" if single and key == "Value #A" else key): name for key, name in columns.items()}
    panel.with_transformation(_step("merge", {}))
    panel.with_transformation(_step("filterFieldsByName", {"include": {"names": list(names)}}))
    places = {name: number for number, name in enumerate(names)}
    panel.with_transformation(_step("organize", {"excludeByName": {}, "indexByName": places, "renameByName": names}))
    if order:
        by = TableSortByFieldState().display_name(order.removeprefix("-"))
        panel.sort_by([by.desc(desc=order.startswith("-"))])
    return panel.thresholds(_thresholds(PLAIN))


def column(panel: table.Panel, name: str, *, unit: str = "", mapping: ValueMap | None = None) -> table.Panel:
    """Return the table with a column's own unit, or its value as a coloured word."""
    properties = [DynamicConfigValue("unit", unit)] if unit else []
    if mapping is not None:
        properties.append(DynamicConfigValue("mappings", [mapping]))
        properties.append(DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
    return panel.override_by_name(name, properties)


def rounded(panel: table.Panel, name: str, decimals: int) -> table.Panel:
    """Return the table with a column of as many decimals."""
    return panel.override_by_name(name, [DynamicConfigValue("decimals", decimals)])


def linked(panel: table.Panel, name: str, title: str, url: str) -> table.Panel:
    """Return the table with a link on a column; `url` may hold `${__data.fields.COLUMN}`."""
    return panel.override_by_name(name, [DynamicConfigValue("links", [{"title": title, "url": url}])])


def going_to(panel: Any, title: str, url: str) -> Any:
    """Return the panel with a link on every series; `url` may hold `${__field.labels.LABEL}`."""
    return panel.data_links([DashboardLink(title).url(url)])


def bars(
    title: str, description: str, unit: str, x: str, names: Mapping[str, str], *queries: Dataquery, order: str
) -> barchart.Panel:
    """Return bars, one for each query beside each other, for every value of the label `x`.

    `names` are those of the bars by `Value #A` (`Value`, when there is one query); `order` is the column to sort by,
    with a minus sign: downwards.
    """
    panel: barchart.Panel = _panel(barchart.Panel(), title, description, unit, queries)
    column_ = order.removeprefix("-")
    for step in (
        _step("merge", {}),
        _step("sortBy", {"sort": [{"field": column_, "desc": column_ != order}]}),
        _step("filterFieldsByName", {"include": {"names": [x, *names]}}),
        _step("organize", {"excludeByName": {}, "indexByName": {}, "renameByName": dict(names)}),
    ):
        panel.with_transformation(step)
    return (
        panel.x_field(x)
        .show_value(options.VisibilityMode.NEVER)
        .x_tick_label_max_length(16)
        .x_tick_label_rotation(-30)
        .legend(VizLegendOptions().show_legend(show_legend=len(queries) > 1).placement(options.LegendPlacement.BOTTOM))
    )


def coloured(panel: barchart.Panel, steps: Steps) -> barchart.Panel:
    """Return the panel with every bar coloured by its own value."""
    return panel.thresholds(_thresholds(steps)).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))


def heat(title: str, description: str, unit: str, query: Dataquery) -> heatmap.Panel:
    """Return a heatmap of a histogram's buckets over time."""
    panel: heatmap.Panel = _panel(heatmap.Panel(), title, description, unit, [query])
    return (
        panel.calculate(calculate=False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(options.AxisPlacement.LEFT))
        .cell_gap(1)
    )
