"""One field of one monitor: how far it is from its baseline, by how much more than noise, and where."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.cells import distribution
from dashboards.frame import Section, Shelf, annotated, build, link
from dashboards.panels import (
    BLUE,
    GREY,
    LEVELS,
    PURPLE,
    RED,
    UNKNOWN,
    YELLOW,
    column,
    dashed,
    graph,
    linked,
    listing,
    number,
    painted,
    rounded,
    stacked,
    timeline,
    wide,
)
from dashboards.queries import ALL_ROWS, MONITOR, datasource, job, monitor, now, one_of, over_time, rows, runbooks

_FIELD: Final = f'{MONITOR},field="$field"'
_HERE: Final = f'{_FIELD},segment=~"$segment"'
_VERDICT: Final = f'{_HERE},detector="$detector"'


def field() -> Dashboard:
    """Return the dashboard of one field."""
    fields = f"label_values(driftline_field_rows{{{MONITOR}}}, field)"
    segments = f"label_values(driftline_field_rows{{{_FIELD}}}, segment)"
    # Sequential detectors have scores but no thresholds, and one that is unknown has thresholds but no score.
    scored = '__name__=~"driftline_drift_threshold|driftline_drift_score"'
    detectors = f"label_values({{{scored},{_FIELD}}}, detector)"
    dashboard = build(
        "driftline-field",
        "Field",
        "One field against its baseline: the score with its bound, thresholds and noise floor, what moved, and the "
        "statistics behind it. The segment All stands for all rows together.",
        [
            datasource(),
            job(),
            monitor(),
            one_of("field", "Field", fields),
            one_of("segment", "Segment", segments).include_all(include_all=True).all_value(ALL_ROWS),
            one_of("detector", "Detector", detectors),
            runbooks(),
        ],
        [_verdict(), distribution(), _segments(), _presence(), _numbers()],
    )
    return annotated(dashboard, f'{MONITOR},field="$field"', MONITOR)


def _of(metric: str, legend: str, selector: str = _HERE) -> Dataquery:
    """Return a query for one series of a metric."""
    return over_time(f"max({metric}{{{selector}}})", legend)


def _threshold(level: str) -> Dataquery:
    expression = f'max(driftline_drift_threshold{{{_FIELD},detector="$detector",level="{level}"}})'
    return over_time(expression, f"{level} threshold")


def _verdict() -> Section:
    score = graph(
        "Score, bound, thresholds, noise floor",
        "How far the window is from the baseline. The bound is what the score is at least, with 95 % confidence; "
        "with level_on: bound it is what is compared with the thresholds. A score near the noise floor is what so "
        "few rows give without any drift.",
        "none",
        _of("driftline_drift_score", "score", _VERDICT),
        _of("driftline_drift_lower_bound", "lower bound", _VERDICT),
        _of("driftline_drift_noise_floor", "noise floor", _VERDICT),
        _threshold("warning"),
        _threshold("critical"),
    ).decimals(3)
    for legend, color in (("warning threshold", YELLOW), ("critical threshold", RED), ("noise floor", GREY)):
        dashed(score, legend, color)
    wide(painted(score, {"^score$": BLUE, "lower bound": PURPLE}))
    states = timeline(
        "Level by detector",
        "Level of every detector on this field and segment; unknown while a verdict says nothing.",
        LEVELS,
        over_time(
            f"max by (detector) (driftline_drift_level{{{_HERE}}})"
            f" or max by (detector) (driftline_verdict_unknown{{{_HERE}}}) * {UNKNOWN}",
            "{{detector}}",
        ),
    )
    return "Verdict of $detector", [(4, _numbers_now()), (10, [score]), (6, [states])]


def _numbers_now() -> list[object]:
    level = f"max(driftline_drift_level{{{_VERDICT}}}) or max(driftline_verdict_unknown{{{_VERDICT}}}) * {UNKNOWN}"
    bound = f"max(driftline_drift_lower_bound{{{_VERDICT}}})"
    warning = f'max(driftline_drift_threshold{{{_FIELD},detector="$detector",level="warning"}})'
    floor = f"max(driftline_drift_score{{{_VERDICT}}}) / (max(driftline_drift_noise_floor{{{_VERDICT}}}) > 0)"
    return [
        number("Level", "Level of the last window.", "none", now(level, "level"), mapping=LEVELS),
        number(
            "Score",
            "Score of the last window.",
            "none",
            now(f"max(driftline_drift_score{{{_VERDICT}}})", "score"),
        ).decimals(3),
        number(
            "Bound / warning threshold",
            "The lower bound as a multiple of the warning threshold: from 1 on the window is at least a warning.",
            "none",
            now(f"{bound} / {warning}", "of the threshold"),
            steps=((None, "green"), (1, YELLOW)),
        ).decimals(2),
        number(
            "Score / noise floor",
            "How often the score holds what is expected without drift. Around 1 there is nothing to see.",
            "none",
            now(floor, "of the noise floor"),
        ).decimals(1),
        number(
            "Rows",
            "Rows of the last window in this segment.",
            "short",
            now(f"max(driftline_field_rows{{{_HERE}}})", "rows"),
        ),
    ]


def _segments() -> Section:
    by = "segment"
    selector = f'{_FIELD},detector="$detector"'
    table = listing(
        "Segments",
        "The last verdict of the detector in every segment; an empty one is all rows. Follow it to its own scores.",
        "none",
        {
            "segment": "Segment",
            "Value #A": "Score",
            "Value #B": "Lower bound",
            "Value #C": "Noise floor",
            "Value #D": "Level",
            "Value #E": "Rows",
        },
        rows(f"max by ({by}) (driftline_drift_score{{{selector}}})"),
        rows(f"max by ({by}) (driftline_drift_lower_bound{{{selector}}})"),
        rows(f"max by ({by}) (driftline_drift_noise_floor{{{selector}}})"),
        rows(
            f"max by ({by}) (driftline_drift_level{{{selector}}})"
            f" or max by ({by}) (driftline_verdict_unknown{{{selector}}}) * {UNKNOWN}"
        ),
        rows(f"max by ({by}) (driftline_field_rows{{{_FIELD}}})"),
        order="-Lower bound",
    )
    for name in ("Score", "Lower bound", "Noise floor"):
        rounded(table, name, 3)
    column(table, "Level", mapping=LEVELS)
    here = link(
        "driftline-field",
        monitor="$monitor",
        field="$field",
        detector="$detector",
        segment="${__data.fields.Segment}",
    )
    linked(table, "Segment", "This segment", here)
    unknown = stacked(
        "Unknown verdicts by reason",
        "Verdicts on this field that say nothing, over all segments and detectors.",
        "none",
        over_time(
            f"count by (reason) (max by (segment, detector, reason) (driftline_verdict_unknown{{{_FIELD}}}))",
            "{{reason}}",
        ),
    )
    refused = graph(
        "Values that sequential detectors refused",
        "Numbers of windows that were not finite, in the step of the graph; empty without sequential detectors.",
        "none",
        over_time(
            f"sum by (segment, detector) (increase(driftline_sequential_refused_total{{{_FIELD}}}[$__rate_interval]))",
            "{{detector}} {{segment}}",
        ),
    ).min(0)
    return "Segments", [(8, [table]), (7, [unknown, refused])]


def _presence() -> Section:
    return "Presence", [
        (
            7,
            [
                graph(
                    "Missing and invalid",
                    "Share of the rows where the field is absent or null, and where it has a wrong type or is not "
                    "finite.",
                    "percentunit",
                    _of("driftline_field_missing_ratio", "missing"),
                    _of("driftline_field_invalid_ratio", "invalid"),
                )
                .min(0)
                .axis_soft_max(0.05),
                graph(
                    "Rows",
                    "Rows of each window in this segment.",
                    "short",
                    _of("driftline_field_rows", "rows"),
                ).min(0),
                graph(
                    "Different values",
                    "Estimated number of different usable values of all rows.",
                    "short",
                    _of("driftline_field_distinct", "distinct", f'{_FIELD},segment=""'),
                ).min(0),
            ],
        )
    ]


def _numbers() -> Section:
    mean, deviation = f"max(driftline_field_mean{{{_HERE}}})", f"max(driftline_field_stddev{{{_HERE}}})"
    band = graph(
        "Mean and standard deviation",
        "Mean of the usable numbers, with one standard deviation on either side.",
        "short",
        over_time(mean, "mean"),
        over_time(f"{mean} + {deviation}", "mean + stddev"),
        over_time(f"{mean} - {deviation}", "mean - stddev"),
    ).fill_opacity(0)
    band.override_by_name(
        "mean + stddev",
        [
            DynamicConfigValue("custom.fillBelowTo", "mean - stddev"),
            DynamicConfigValue("custom.fillOpacity", 15),
        ],
    )
    shelf: Shelf = (
        8,
        [
            band,
            graph(
                "Quantiles",
                "Quantiles of the usable numbers of all rows, estimated.",
                "short",
                over_time(
                    f'max by (quantile) (driftline_field_quantile{{{_FIELD},segment=""}})', "quantile {{quantile}}"
                ),
            ).fill_opacity(0),
            graph(
                "Smallest and largest",
                "Smallest and largest usable number of each window.",
                "short",
                _of("driftline_field_min", "smallest"),
                _of("driftline_field_max", "largest"),
            ).fill_opacity(0),
        ],
    )
    return "Numbers (empty for categories and texts)", [shelf]
