"""The part of the fleet dashboard that is about models: what they are worth, and whether their labels come."""

from __future__ import annotations

from dashboards.frame import Section
from dashboards.panels import LEVELS, UNKNOWN, graph, stacked, timeline
from dashboards.queries import FLEET, over_time

_ALL = f'{FLEET},segment=""'
_BY = "monitor, metric, source"
_LEGEND = "{{monitor}} {{metric}} {{source}}"


def models() -> Section:
    """Return the section of models."""
    states = timeline(
        "Models",
        "Level of every metric of a model over time, of all rows; unknown while too few rows have labels.",
        LEVELS,
        over_time(
            f"max by ({_BY}) (driftline_model_level{{{_ALL}}})"
            f" or max by ({_BY}) (driftline_model_unknown{{{_ALL}}}) * {UNKNOWN}",
            _LEGEND,
        ),
    )
    values = graph(
        "Metrics of models",
        "Over the last cohort: realized with labels, estimated without, errors on average; the baseline's beside it.",
        "none",
        over_time(f"max by ({_BY}) (driftline_model_metric{{{_ALL}}})", _LEGEND),
        over_time(f"max by ({_BY}) (driftline_model_metric_baseline{{{_ALL}}})", f"{_LEGEND} baseline"),
    )
    bounds = graph(
        "How sure the metrics are",
        "Width of each metric's 95 % interval; with more labelled rows it is narrower.",
        "none",
        over_time(
            f'max by ({_BY}) (driftline_model_metric_bound{{{_ALL},bound="upper"}})'
            f' - min by ({_BY}) (driftline_model_metric_bound{{{_ALL},bound="lower"}})',
            _LEGEND,
        ),
    ).min(0)
    used = graph(
        "Rows of the metrics",
        "Rows of the last cohort that each metric is made of.",
        "short",
        over_time(f"max by ({_BY}) (driftline_model_metric_rows{{{_ALL}}})", _LEGEND),
    ).min(0)
    return "Models", [(8, [states, values]), (8, [bounds, used, _age()]), *_joins()]


def _age() -> object:
    by = "monitor, source"
    return graph(
        "Age of the cohort",
        "How long ago the window of the last scored predictions ended; with labels that come later it is older.",
        "s",
        over_time(
            f"max by ({by}) (time() - driftline_model_cohort_timestamp_seconds{{{FLEET}}})", "{{monitor}} {{source}}"
        ),
    ).min(0)


def _joins() -> list[tuple[int, list[object]]]:
    joined = graph(
        "Predictions with a label",
        "Share of the last cohort's predictions that got a label, and of all ids that is looked at.",
        "percentunit",
        over_time(f"max by (monitor) (driftline_join_ratio{{{FLEET}}})", "{{monitor}} labelled"),
        over_time(f"max by (monitor) (driftline_join_sampled_ratio{{{FLEET}}})", "{{monitor}} looked at"),
    ).min(0)
    labels = stacked(
        "Labels",
        "Labels a second by what became of them: joined, one too many, or of no prediction (orphan).",
        "cps",
        over_time(
            f"sum by (monitor, outcome) (rate(driftline_join_labels_total{{{FLEET}}}[$__rate_interval]))",
            "{{monitor}} {{outcome}}",
        ),
    )
    predictions = stacked(
        "Predictions",
        "Predictions a second by what became of them: taken, scored, too late, not sampled.",
        "cps",
        over_time(
            f"sum by (monitor, outcome) (rate(driftline_join_predictions_total{{{FLEET}}}[$__rate_interval]))",
            "{{monitor}} {{outcome}}",
        ),
    )
    waiting = graph(
        "Waiting for each other",
        "Predictions without a label yet, and labels without a prediction.",
        "short",
        over_time(f"max by (monitor, side) (driftline_join_waiting_rows{{{FLEET}}})", "{{monitor}} {{side}}"),
    ).min(0)
    delay = graph(
        "Delay of labels",
        "Event time from a prediction to its label. Labels later than model.max_delay are orphans.",
        "s",
        *(
            over_time(
                f"histogram_quantile({share}, sum by (monitor, le) "
                f"(rate(driftline_join_label_delay_seconds_bucket{{{FLEET}}}[$__rate_interval])))",
                f"{{{{monitor}}}} p{share * 100:g}",
            )
            for share in (0.5, 0.95, 0.99)
        ),
    ).min(0)
    versions = graph(
        "Segments of observed values",
        "Values that have a segment of their own, such as versions of a model, and segments that are left.",
        "short",
        over_time(f"max by (monitor, field) (driftline_segment_values{{{FLEET}}})", "{{monitor}} {{field}} seen"),
        over_time(f"min by (monitor, field) (driftline_segment_values_free{{{FLEET}}})", "{{monitor}} {{field}} free"),
    ).min(0)
    return [(8, [joined, labels, predictions]), (8, [waiting, delay, versions])]
