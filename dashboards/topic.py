"""One topic of one monitor: what is read, how late, and what is left out."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.prometheus import Dataquery

from dashboards.frame import Section, annotated, build
from dashboards.panels import (
    RED,
    TROUBLE,
    YELLOW,
    ZERO_IS_GOOD,
    column,
    graph,
    heat,
    listing,
    number,
    stacked,
    timeline,
)
from dashboards.queries import MONITOR, buckets, datasource, job, monitor, now, one_of, over_time, rows, runbooks

_ON: Final = f'{MONITOR},topic="$topic"'


def _rate(metric: str, by: str = "") -> str:
    """Return the rate of a counter of this topic, summed by labels."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{_ON}}}[$__rate_interval]))"


def topic() -> Dashboard:
    """Return the dashboard of one topic."""
    found = f"label_values(driftline_records_total{{{MONITOR}}}, topic)"
    dashboard = build(
        "driftline-topic",
        "Topic",
        "One topic of one monitor: throughput, lag, delays, and every record that is not in the statistics.",
        [datasource(), job(), monitor(), one_of("topic", "Topic", found), runbooks()],
        [_at_a_glance(), _throughput(), _delay(), _left_out(), _partitions()],
    )
    return annotated(dashboard, MONITOR, MONITOR)


def _share(metric: str) -> str:
    return f"{_rate(metric)} / ({_rate('driftline_records_total')} > 0)"


def _at_a_glance() -> Section:
    return "At a glance", [
        (
            4,
            [
                number(
                    "Records",
                    "Recent rate of records.",
                    "cps",
                    now(f"sum(driftline_records_per_second{{{_ON}}})", "records"),
                ),
                number(
                    "Bytes",
                    "Recent rate of record bytes, keys and values.",
                    "Bps",
                    now(f"sum(driftline_bytes_per_second{{{_ON}}})", "bytes"),
                ),
                number(
                    "Unread records",
                    "Offsets still to be read, over all partitions.",
                    "short",
                    now(f"sum(driftline_consumer_lag_records{{{_ON}}})", "lag"),
                ),
                number(
                    "Lag",
                    "Age of the oldest unread record. Above five minutes an alert warns.",
                    "s",
                    now(f"max(driftline_consumer_lag_seconds{{{_ON}}})", "lag"),
                    steps=((None, "green"), (60, YELLOW), (300, RED)),
                ),
                number(
                    "Stalled partitions",
                    "Partitions with lag whose position does not move.",
                    "none",
                    now(f"sum(driftline_partition_stalled{{{_ON}}})", "stalled"),
                    steps=ZERO_IS_GOOD,
                ),
                number(
                    "Rejects",
                    "Share of the records that cannot be decoded. Above 5 % an alert warns.",
                    "percentunit",
                    now(_share("driftline_rejects_total"), "rejects"),
                    steps=((None, "green"), (0.001, YELLOW), (0.05, RED)),
                ),
                number(
                    "Late rows",
                    "Share of the rows that are behind the watermark and left out. Above 5 % an alert warns.",
                    "percentunit",
                    now(_share("driftline_late_rows_total"), "late"),
                    steps=((None, "green"), (0.001, YELLOW), (0.05, RED)),
                ),
            ],
        )
    ]


def _throughput() -> Section:
    return "Throughput and lag", [
        (
            8,
            [
                stacked(
                    "Records read",
                    "Records a second, by partition.",
                    "cps",
                    over_time(_rate("driftline_records_total", "partition"), "{{partition}}"),
                ),
                stacked(
                    "Bytes read",
                    "Bytes of keys and values a second, by partition.",
                    "Bps",
                    over_time(_rate("driftline_record_bytes_total", "partition"), "{{partition}}"),
                ),
            ],
        ),
        (
            8,
            [
                graph(
                    "Unread records",
                    "Offsets still to be read, by partition.",
                    "short",
                    over_time(f"max by (partition) (driftline_consumer_lag_records{{{_ON}}})", "{{partition}}"),
                ),
                graph(
                    "Lag",
                    "Age of the oldest unread record, by partition.",
                    "s",
                    over_time(f"max by (partition) (driftline_consumer_lag_seconds{{{_ON}}})", "{{partition}}"),
                ),
            ],
        ),
    ]


def _delay() -> Section:
    def quantiles(metric: str) -> list[Dataquery]:
        folded = _rate(f"{metric}_bucket", "le")
        return [over_time(f"histogram_quantile({q}, {folded})", f"p{q * 100:g}") for q in (0.5, 0.95, 0.99)]

    increase = _rate("driftline_append_delay_seconds_bucket", "le").replace("rate(", "increase(")
    mean = f"{_rate('driftline_append_delay_seconds_sum')} / ({_rate('driftline_append_delay_seconds_count')} > 0)"
    return "Delay", [
        (
            8,
            [
                heat(
                    "Delay from append to folded",
                    "Rows by how long after the broker appended them they were in the statistics.",
                    "s",
                    buckets(increase),
                ),
                graph(
                    "Delay from append to folded, quantiles",
                    "The part of the way that is Driftline's, and its mean. The objective: 99 % within a minute.",
                    "s",
                    *quantiles("driftline_append_delay_seconds"),
                    over_time(mean, "mean"),
                ),
                graph(
                    "Delay from event to folded, quantiles",
                    "The whole way, the producer's part included.",
                    "s",
                    *quantiles("driftline_record_delay_seconds"),
                ),
            ],
        )
    ]


def _left_out() -> Section:
    return "Not in the statistics", [
        (
            8,
            [
                stacked(
                    "Rejects by reason",
                    "Records a second that cannot be decoded.",
                    "cps",
                    over_time(_rate("driftline_rejects_total", "reason"), "{{reason}}"),
                ),
                graph(
                    "Late, after the verdict, filtered",
                    "Rows behind the watermark, rows for windows that were judged already, and records left out "
                    "on purpose, a second.",
                    "cps",
                    over_time(_rate("driftline_late_rows_total"), "late"),
                    over_time(_rate("driftline_rows_after_verdict_total"), "after the verdict"),
                    over_time(_rate("driftline_filtered_total"), "filtered"),
                ),
                stacked(
                    "Dead letters",
                    "Rejects a second that were delivered to the dead letter topic, or not: suppressed ones were over "
                    "a limit, failed ones are lost. For all topics of the monitor, by dead letter topic.",
                    "cps",
                    over_time(
                        f"sum by (topic, outcome) (rate(driftline_dead_letters_total{{{MONITOR}}}[$__rate_interval]))",
                        "{{topic}} {{outcome}}",
                    ),
                ),
            ],
        )
    ]


def _partitions() -> Section:
    table = listing(
        "Partitions",
        "Every partition that is owned by a worker of this monitor.",
        "none",
        {
            "partition": "Partition",
            "Value #A": "Records",
            "Value #B": "Unread",
            "Value #C": "Lag",
            "Value #D": "Stalled",
        },
        rows(f"max by (partition) (driftline_records_total{{{_ON}}})"),
        rows(f"max by (partition) (driftline_consumer_lag_records{{{_ON}}})"),
        rows(f"max by (partition) (driftline_consumer_lag_seconds{{{_ON}}})"),
        rows(f"max by (partition) (driftline_partition_stalled{{{_ON}}})"),
        order="-Lag",
    )
    column(table, "Lag", unit="s")
    column(table, "Stalled", mapping=TROUBLE)
    stalled = timeline(
        "Stalled",
        "Whether a partition has lag while its position does not move. Windows cannot close meanwhile.",
        TROUBLE,
        over_time(f"max by (partition) (driftline_partition_stalled{{{_ON}}})", "{{partition}}"),
    )
    behind = graph(
        "Event time behind",
        "How far the watermark and the end of the last judged window are behind the snapshot.",
        "s",
        *(
            over_time(f"max(driftline_snapshot_timestamp_seconds{{{MONITOR}}}) - min({metric}{{{MONITOR}}})", legend)
            for metric, legend in (
                ("driftline_watermark_timestamp_seconds", "watermark"),
                ("driftline_last_window_timestamp_seconds", "last window"),
            )
        ),
    ).min(0)
    jumps = graph(
        "Reading went on elsewhere",
        "Offsets between where reading stood and where it had to go on, by cause, in the step of the graph.",
        "none",
        over_time(f"sum by (cause) (increase(driftline_offsets_jumped_total{{{_ON}}}[$__rate_interval]))", "{{cause}}"),
    ).min(0)
    healed = graph(
        "Stalled partitions put right",
        "What the watchdog did about partitions that did not move: sought them anew, or restarted the client.",
        "none",
        over_time(
            f"sum by (action) (increase(driftline_stall_actions_total{{{MONITOR}}}[$__rate_interval]))", "{{action}}"
        ),
    ).min(0)
    return "Partitions", [(8, [table, stalled, behind]), (6, [jumps, healed])]
