"""Every promised metric is there, with its labels, within the limit and without NaN."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from prometheus_client.metrics_core import Metric

from monitor.export.cell_metrics import MAX_CELLS
from monitor.export.collector import SnapshotCollector
from monitor.export.metrics import METRICS
from monitor.snapshot import DelayView, ProfileView, Snapshot
from monitor.types import Level
from tests.support.snapshots import bad_night, field_view, hostile, huge, partition, verdict

# INTERFACE: name -> kind and labels beside `monitor`. Written out again here, as a promise is.
PROMISED = {
    "driftline_build_info": ("info", "version"),
    "driftline_config_info": ("info", "hash"),
    "driftline_config_last_reload_successful": ("gauge", ""),
    "driftline_config_last_reload_success_timestamp_seconds": ("gauge", ""),
    "driftline_records_total": ("counter", "topic partition"),
    "driftline_record_bytes_total": ("counter", "topic partition"),
    "driftline_rejects_total": ("counter", "topic reason"),
    "driftline_offsets_jumped_total": ("counter", "topic cause"),
    "driftline_stall_actions_total": ("counter", "action"),
    "driftline_late_rows_total": ("counter", "topic"),
    "driftline_filtered_total": ("counter", "topic"),
    "driftline_consumer_lag_records": ("gauge", "topic partition"),
    "driftline_consumer_lag_seconds": ("gauge", "topic partition"),
    "driftline_partition_stalled": ("gauge", "topic partition"),
    "driftline_records_per_second": ("gauge", "topic"),
    "driftline_bytes_per_second": ("gauge", "topic"),
    "driftline_record_delay_seconds": ("histogram", "topic"),
    "driftline_append_delay_seconds": ("histogram", "topic"),
    "driftline_watermark_timestamp_seconds": ("gauge", ""),
    "driftline_last_window_timestamp_seconds": ("gauge", ""),
    "driftline_field_rows": ("gauge", "field segment"),
    "driftline_field_missing_ratio": ("gauge", "field segment"),
    "driftline_field_invalid_ratio": ("gauge", "field segment"),
    "driftline_field_mean": ("gauge", "field segment"),
    "driftline_field_stddev": ("gauge", "field segment"),
    "driftline_field_min": ("gauge", "field segment"),
    "driftline_field_max": ("gauge", "field segment"),
    "driftline_field_distinct": ("gauge", "field segment"),
    "driftline_field_quantile": ("gauge", "field segment quantile"),
    "driftline_drift_score": ("gauge", "field segment detector"),
    "driftline_drift_lower_bound": ("gauge", "field segment detector"),
    "driftline_drift_level": ("gauge", "field segment detector"),
    "driftline_verdict_unknown": ("gauge", "field segment detector reason"),
    "driftline_rows_after_verdict_total": ("counter", "topic"),
    "driftline_dead_letters_total": ("counter", "topic outcome"),
    "driftline_drift_threshold": ("gauge", "field detector level"),
    "driftline_check_failures_total": ("counter", "check segment"),
    "driftline_check_failure_ratio": ("gauge", "check segment"),
    "driftline_check_level": ("gauge", "check segment"),
    "driftline_alerts_firing": ("gauge", "severity"),
    "driftline_notifications_total": ("counter", "sink outcome"),
    "driftline_outbox_size": ("gauge", "sink"),
    "driftline_notifications_held": ("gauge", "sink reason"),
    "driftline_silences": ("gauge", "state"),
    "driftline_sink_open": ("gauge", "sink"),
    "driftline_incidents_open": ("gauge", "sink"),
    "driftline_notification_storms_total": ("counter", "sink"),
    "driftline_checkpoint_duration_seconds": ("histogram", ""),
    "driftline_checkpoint_last_success_timestamp_seconds": ("gauge", ""),
    "driftline_rebalances_total": ("counter", ""),
    "driftline_engine_seconds_total": ("counter", "stage"),
    "driftline_series_dropped_total": ("counter", "reason"),
    "driftline_ready": ("gauge", ""),
    "driftline_unknown_fields": ("gauge", ""),
    "driftline_drift_noise_floor": ("gauge", "field segment detector"),
    "driftline_field_cell_ratio": ("gauge", "field cell position source"),
}
EMPTY = Snapshot(monitor="payments", version="1", config_hash="0", taken_at_ms=1_000)


def collected(snapshot: Snapshot, **options) -> dict[str, Metric]:
    """Return the families by the name of their declaration."""
    suffix = {"counter": "_total", "info": "_info"}
    families = list(SnapshotCollector(snapshot, **options).collect())
    return {family.name + suffix.get(family.type, ""): family for family in families}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    """Return a family's values by their labels without `monitor`."""
    return {tuple(v for k, v in s.labels.items() if k != "monitor"): s.value for s in family.samples}


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_metric_is_exported_with_its_kind_and_labels(name):
    kind, labels = PROMISED[name]
    family = collected(bad_night())[name]
    assert family.type == kind
    for sample in family.samples:
        assert set(sample.labels) - {"le"} == {"monitor", *labels.split()}
        assert sample.labels["monitor"] == "payments"


def test_every_declared_metric_comes_out_of_a_full_snapshot_in_the_declared_order():
    names = list(collected(bad_night()))
    assert names == [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)


def test_an_empty_snapshot_says_that_it_is_not_ready_and_starts_counters_at_zero():
    families = collected(EMPTY)
    assert values(families["driftline_ready"]) == {(): 0}
    assert values(families["driftline_alerts_firing"]) == {("critical",): 0, ("warning",): 0}
    assert values(families["driftline_series_dropped_total"]) == {("duplicate",): 0, ("limit",): 0}
    assert "driftline_watermark_timestamp_seconds" not in families
    assert "driftline_baseline_info" not in families


def test_a_topic_without_late_rows_has_a_zero_and_not_a_hole():
    families = collected(replace(EMPTY, partitions=(partition("a", 0), partition("b", 0)), late_rows={"b": 3}))
    assert values(families["driftline_late_rows_total"]) == {("a",): 0, ("b",): 3}
    assert values(families["driftline_filtered_total"]) == {("a",): 0, ("b",): 0}


def test_an_unknown_verdict_has_a_reason_and_no_level():
    families = collected(
        replace(EMPTY, verdicts=(verdict("a", level=Level.UNKNOWN), verdict("b", level=Level.WARNING)))
    )
    assert values(families["driftline_verdict_unknown"]) == {("a", "", "psi", "too_few_rows"): 1}
    assert values(families["driftline_drift_level"]) == {("b", "", "psi"): 1}
    assert values(families["driftline_drift_score"]) == {("b", "", "psi"): 0.14}


def test_a_number_that_is_not_defined_has_no_series():
    fields = (field_view("a", mean=math.nan, stddev=None), field_view("b", mean=2.0, stddev=1.0))
    families = collected(replace(EMPTY, fields=fields, partitions=(partition("t", 0, end_offset=None, lag_s=None),)))
    assert values(families["driftline_field_mean"]) == {("b", ""): 2.0}
    assert values(families["driftline_field_stddev"]) == {("b", ""): 1.0}
    assert "driftline_consumer_lag_records" not in families
    assert "driftline_consumer_lag_seconds" not in families


def test_times_are_seconds_and_levels_are_numbers():
    families = collected(bad_night())
    snapshot = bad_night()
    assert values(families["driftline_snapshot_timestamp_seconds"]) == {(): snapshot.taken_at_ms / 1000}
    assert values(families["driftline_drift_level"])["amount", "", "psi"] == 2


def test_a_histogram_is_cumulative_and_ends_in_infinity():
    delay = DelayView(bounds_s=(0.1, 1.0), counts=(3, 4, 5), sum_s=7.5)
    family = collected(replace(EMPTY, record_delay={"t": delay}))["driftline_record_delay_seconds"]
    buckets = [(s.labels["le"], s.value) for s in family.samples if s.name.endswith("_bucket")]
    assert buckets == [("0.1", 3), ("1.0", 7), ("+Inf", 12)]
    assert {s.name: s.value for s in family.samples if "le" not in s.labels} == {
        "driftline_record_delay_seconds_count": 12,
        "driftline_record_delay_seconds_sum": 7.5,
    }


def test_a_histogram_whose_counts_do_not_fit_its_bounds_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        collected(replace(EMPTY, record_delay={"t": DelayView((0.1, 1.0), (1, 2), 0.0)}))


def test_the_order_does_not_depend_on_the_order_in_the_snapshot():
    snapshot = huge(3, 3)
    turned = replace(
        snapshot,
        fields=snapshot.fields[::-1],
        verdicts=snapshot.verdicts[::-1],
        checks=snapshot.checks[::-1],
        partitions=snapshot.partitions[::-1],
        late_rows=dict(sorted(snapshot.late_rows.items(), reverse=True)),
    )
    assert list(collected(turned).values()) == list(collected(snapshot).values())


def test_partitions_are_in_the_order_of_their_numbers():
    families = collected(replace(EMPTY, partitions=tuple(partition("t", n) for n in (10, 9, 2))))
    assert list(values(families["driftline_records_total"])) == [("t", "2"), ("t", "9"), ("t", "10")]


@pytest.mark.parametrize("limit", [0, 1, 50, 200, 500])
def test_never_more_series_than_the_limit_and_every_loss_is_counted(limit):
    snapshot = huge(20, 4)
    everything = sum(len(f.samples) for f in collected(snapshot).values())
    families = collected(snapshot, max_series=limit)
    kept = sum(len(f.samples) for f in families.values())
    dropped = values(families["driftline_series_dropped_total"])
    always = len(dropped)
    assert kept <= max(limit, always)
    assert dropped[("limit",)] == everything - kept


def test_when_series_are_capped_levels_stay_and_segments_go_first():
    snapshot = huge(20, 4)
    families = collected(snapshot, max_series=150)
    assert "driftline_ready" in families
    levels = values(families["driftline_drift_level"])
    unsegmented = {(f"group.field_{n}", "", d) for n in range(20) for d in ("psi", "ks")}
    assert unsegmented <= set(levels)
    assert len(levels) < 160
    assert "driftline_field_quantile" not in families


def test_losses_add_up_over_snapshots():
    families = collected(huge(20, 4), max_series=100, dropped_before={"limit": 1_000, "duplicate": 2})
    dropped = values(families["driftline_series_dropped_total"])
    assert dropped[("limit",)] > 1_000
    assert dropped[("duplicate",)] == 2


def test_a_series_that_is_there_twice_is_exported_once_and_counted():
    families = collected(replace(EMPTY, fields=(field_view("a", mean=1.0), field_view("a", mean=2.0))))
    assert values(families["driftline_field_mean"]) == {("a", ""): 1.0}
    assert values(families["driftline_series_dropped_total"])["duplicate",] > 0


def test_hostile_texts_give_short_printable_labels_that_stay_apart():
    families = collected(hostile())
    for family in families.values():
        for sample in family.samples:
            assert all(len(value) <= 200 and value.isprintable() for value in sample.labels.values())
    assert len(values(families["driftline_field_rows"])) == 3


def test_every_help_is_a_sentence_and_every_name_has_the_prefix():
    for metric in METRICS:
        assert metric.name.startswith("driftline_")
        assert metric.help.endswith(".")
        assert metric.kind != "counter" or metric.name.endswith("_total")


def test_a_distribution_is_exported_for_all_rows_with_the_unseen_values_and_nothing_lost():
    names = (*(f"c{n}" for n in range(20)), "(unseen)", "(other)")
    before, now = (0.05,) * 20 + (0.0, 0.0), (0.04,) * 20 + (0.15, 0.05)
    shown = ProfileView("country", "", names, before, now)
    family = collected(replace(EMPTY, profiles=(shown, replace(shown, segment="shop=1"))))["driftline_field_cell_ratio"]
    found = values(family)
    assert {field for field, *_ in found} == {"country"}
    cells = [cell for _, cell, _, source in found if source == "current"]
    assert len(cells) == MAX_CELLS
    assert cells == [*(f"c{n}" for n in range(9)), "(rest)", "(unseen)", "(other)"]
    assert [position for _, _, position, source in found if source == "current"] == [
        f"{n:02}" for n in range(1, MAX_CELLS + 1)
    ]
    assert found["country", "(unseen)", "11", "current"] == 0.15
    for source, whole in (("baseline", before), ("current", now)):
        assert sum(v for key, v in found.items() if key[-1] == source) == pytest.approx(sum(whole))


def test_the_distributions_are_the_first_to_go_when_series_are_capped():
    snapshot = bad_night()
    everything = sum(len(f.samples) for f in collected(snapshot).values())
    cells = sum(2 * len(p.labels) for p in snapshot.profiles if not p.segment)
    families = collected(snapshot, max_series=everything - cells)
    assert "driftline_field_cell_ratio" not in families
    assert [m.name for m in METRICS][-1] == "driftline_field_cell_ratio"
    assert len(families) == len(METRICS) - 1
