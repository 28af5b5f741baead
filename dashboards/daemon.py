"""The daemon itself: where its time goes, whether state is saved, whether people hear of alerts."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.frame import Section, annotated, build
from dashboards.notifications import notifications
from dashboards.panels import (
    PLAIN,
    RED,
    TROUBLE,
    YELLOW,
    YES,
    ZERO_IS_GOOD,
    dashed,
    graph,
    linked,
    listing,
    number,
    stacked,
    timeline,
)
from dashboards.queries import INSTANCE, MONITOR, datasource, job, monitor, now, over_time, rows, runbooks, some_of

_PROCESS: Final = 'job=~"$job",instance=~"$instance"'
"""What the Python client says of the process has no label `monitor`."""


def daemon() -> Dashboard:
    """Return the dashboard of the daemon's health."""
    found = f"label_values(driftline_build_info{{{MONITOR}}}, instance)"
    dashboard = build(
        "driftline-daemon",
        "Daemon",
        "The workers of one monitor: time by stage, checkpoints, notifications, memory, and the rules that watch them.",
        [datasource(), job(), monitor(), some_of("instance", "Instance", found), runbooks()],
        [_versions(), _states(), _baseline(), _work(), _checkpoints(), notifications(), _resources(), _rules()],
    )
    return annotated(dashboard, MONITOR, MONITOR)


def _versions() -> Section:
    age = f"time() - min(driftline_snapshot_timestamp_seconds{{{INSTANCE}}})"
    # A version is a digest of 64 digits: no room for all of it.
    short = f'label_replace(driftline_baseline_info{{{INSTANCE}}}, "version", "$1", "version", "(.{{12}}).*")'
    baseline = f"count by (version) ({short})"
    return "At a glance", [
        (
            4,
            [
                number(
                    "Version",
                    "The version that is running; several while an update rolls out.",
                    "none",
                    now(f"count by (version) (driftline_build_info{{{INSTANCE}}})", "{{version}}"),
                    named=True,
                ),
                number(
                    "Configuration",
                    "Digest of the configuration in force.",
                    "none",
                    now(f"count by (hash) (driftline_config_info{{{INSTANCE}}})", "{{hash}}"),
                    named=True,
                ),
                number(
                    "Baseline",
                    "The baseline that windows are compared with, by the beginning of its version.",
                    "none",
                    now(baseline, "{{version}}"),
                    named=True,
                ),
                number(
                    "Snapshot age",
                    "How long ago the data thread last said how things stand. Above two minutes an alert fires.",
                    "s",
                    now(age, "age"),
                    steps=((None, "green"), (30, YELLOW), (120, RED)),
                ),
                number(
                    "Windows judged",
                    "Since the store began.",
                    "short",
                    now(f"max(driftline_windows_total{{{INSTANCE}}})", "windows"),
                    steps=PLAIN,
                ),
                number(
                    "Unknown fields",
                    "Names of fields that are seen in records but not configured.",
                    "none",
                    now(f"max(driftline_unknown_fields{{{INSTANCE}}})", "fields"),
                    steps=((None, "green"), (1, YELLOW)),
                ),
                number(
                    "Series left out",
                    "Series that were not exported in the chosen time, because of limits.max_series or equal labels.",
                    "short",
                    now(f"sum(increase(driftline_series_dropped_total{{{INSTANCE}}}[$__range]))", "series"),
                    steps=ZERO_IS_GOOD,
                ),
            ],
        )
    ]


def _states() -> Section:
    ready = timeline(
        "Ready and caught up",
        "Ready: partitions are assigned and state is restored. Caught up: every partition was read to its end once.",
        YES,
        over_time(f"min by (instance) (driftline_ready{{{INSTANCE}}})", "{{instance}} ready"),
        over_time(f"min by (instance) (driftline_caught_up{{{INSTANCE}}})", "{{instance}} caught up"),
    )
    waiting = timeline(
        "Waits for the schema registry",
        "Whether fetched records cannot be decoded because the registry does not answer.",
        TROUBLE,
        over_time(f"max by (instance) (driftline_decoder_waiting{{{INSTANCE}}})", "{{instance}}"),
    )
    rebalances = graph(
        "Rebalances",
        "Changes of the partitions that a worker owns, in the step of the graph. Windows judged meanwhile are partial.",
        "none",
        over_time(
            f"sum by (instance) (increase(driftline_rebalances_total{{{INSTANCE}}}[$__rate_interval]))", "{{instance}}"
        ),
    ).min(0)
    loaded = timeline(
        "Configuration is the one in the file",
        "No: the last attempt to load it failed, and the one before is still in force.",
        YES,
        over_time(f"min by (instance) (driftline_config_last_reload_successful{{{INSTANCE}}})", "{{instance}}"),
    )
    loaded_at = number(
        "Configuration loaded",
        "When it was last loaded with success, at the start or later.",
        "dateTimeFromNow",
        now(f"max(driftline_config_last_reload_success_timestamp_seconds{{{INSTANCE}}}) * 1000", "loaded"),
    )
    return "State", [(6, [ready, waiting, rebalances]), (5, [loaded, loaded_at])]


def _baseline() -> Section:
    changed = number(
        "Baseline since",
        "When the baseline last became another one.",
        "dateTimeFromNow",
        now(f"max(driftline_baseline_changed_timestamp_seconds{{{INSTANCE}}}) * 1000", "since"),
    )
    windows = graph(
        "Windows in the reference",
        "How many windows a field is compared with, by field; trailing baselines only.",
        "none",
        over_time(f"max by (field) (driftline_baseline_windows{{{INSTANCE}}})", "{{field}}"),
    ).min(0)
    frozen = timeline(
        "Frozen references",
        "Whether the reference of a field is frozen because the field drifts; trailing baselines only.",
        TROUBLE,
        over_time(f"max by (field) (driftline_baseline_suspect{{{INSTANCE}}})", "{{field}}"),
    )
    return "Baseline", [(6, [changed, windows, frozen])]


def _work() -> Section:
    by_stage = stacked(
        "Time of the data thread by stage",
        "Seconds of work a second. All stages but poll together near 1 mean that it cannot keep up: add workers.",
        "percentunit",
        over_time(
            f"sum by (stage) (rate(driftline_engine_seconds_total{{{INSTANCE}}}[$__rate_interval]))", "{{stage}}"
        ),
    )
    windows = graph(
        "Windows judged",
        "Windows a second.",
        "cps",
        over_time(f"sum(rate(driftline_windows_total{{{INSTANCE}}}[$__rate_interval]))", "windows"),
    ).min(0)
    dropped = graph(
        "Series left out by reason",
        "Series of a snapshot that were not exported, a second.",
        "cps",
        over_time(
            f"sum by (reason) (rate(driftline_series_dropped_total{{{INSTANCE}}}[$__rate_interval]))", "{{reason}}"
        ),
    ).min(0)
    return "Work", [(8, [by_stage, windows, dropped])]


def _checkpoints() -> Section:
    buckets = f"sum by (le) (rate(driftline_checkpoint_duration_seconds_bucket{{{INSTANCE}}}[$__rate_interval]))"
    total = f"sum(rate(driftline_checkpoint_duration_seconds_sum{{{INSTANCE}}}[$__rate_interval]))"
    count = f"sum(rate(driftline_checkpoint_duration_seconds_count{{{INSTANCE}}}[$__rate_interval]))"
    duration = graph(
        "Duration of checkpoints",
        "Quantiles and mean of the time that a checkpoint took. Reading waits meanwhile.",
        "s",
        *(over_time(f"histogram_quantile({q}, {buckets})", f"p{q * 100:g}") for q in (0.5, 0.99)),
        over_time(f"{total} / ({count} > 0)", "mean"),
    )
    saved = "driftline_checkpoint_last_success_timestamp_seconds"
    age = graph(
        "Age of the last checkpoint",
        "After a crash as much has to be read again. Above five minutes an alert fires.",
        "s",
        over_time(
            f"max by (instance) (driftline_snapshot_timestamp_seconds{{{INSTANCE}}} - {saved}{{{INSTANCE}}})",
            "{{instance}}",
        ),
        over_time("vector(300)", "alert"),
    )
    rate = graph("Checkpoints", "Checkpoints a second.", "cps", over_time(count, "checkpoints")).min(0)
    return "Checkpoints", [(7, [duration, dashed(age, "alert", RED), rate])]


def _resources() -> Section:
    return "Resources", [
        (
            7,
            [
                graph(
                    "Memory",
                    "Resident memory of the process.",
                    "bytes",
                    over_time(f"max by (instance) (process_resident_memory_bytes{{{_PROCESS}}})", "{{instance}}"),
                ).min(0),
                graph(
                    "CPU",
                    "Cores that the process keeps busy.",
                    "none",
                    over_time(
                        f"sum by (instance) (rate(process_cpu_seconds_total{{{_PROCESS}}}[$__rate_interval]))",
                        "{{instance}}",
                    ),
                ).min(0),
                graph(
                    "Open files",
                    "File descriptors in use.",
                    "short",
                    over_time(f"max by (instance) (process_open_fds{{{_PROCESS}}})", "{{instance}}"),
                ).min(0),
                graph(
                    "Scrape",
                    "Time that a scrape of /metrics took.",
                    "s",
                    over_time(f"max by (instance) (scrape_duration_seconds{{{_PROCESS}}})", "{{instance}}"),
                ).min(0),
            ],
        )
    ]


def _rules() -> Section:
    objectives = (("delay", 0.01, "rows within a minute"), ("processed", 0.001, "records decoded"))
    burn = graph(
        "Burn of the error budgets",
        "How many times as fast as allowed the budgets of the two objectives are used, over an hour. Needs the rules "
        "of alerts/rules. From 14.4 on a page goes out.",
        "none",
        *(
            over_time(f'monitor:driftline_{name}_bad:ratio_rate1h{{monitor="$monitor"}} / {budget}', legend)
            for name, budget, legend in objectives
        ),
        over_time("vector(14.4)", "page"),
    ).min(0)
    rules = listing(
        "Prometheus rules that are pending or fire",
        "DriftlineWatchdog is always among them; without it the rules are not loaded or not evaluated.",
        "none",
        {"alertname": "Alert", "alertstate": "State", "severity": "Severity", "monitor": "Monitor", "field": "Field"},
        rows('max by (alertname, alertstate, severity, monitor, field) (ALERTS{alertname=~"Driftline.+"})'),
    )
    linked(rules, "Alert", "Runbook", "${runbooks}/${__value.text}.html")
    return "Rules", [(8, [rules, dashed(burn, "page", RED)])]
