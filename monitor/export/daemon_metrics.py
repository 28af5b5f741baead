"""What the daemon says about itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.export.declaration import Declared, Kind, Read, Row
from monitor.export.rows import keyed, one, paired, seconds
from monitor.snapshot import Snapshot

SERIES_DROPPED: Final = "driftline_series_dropped_total"
_SEVERITIES: Final = ("critical", "warning")


def _firing(s: Snapshot) -> Iterable[Row]:
    """Return the number of firing alerts of each severity, 0 included."""
    firing = [alert.severity for alert in s.alerts if alert.status == "firing"]
    return [((severity,), firing.count(severity)) for severity in _SEVERITIES]


def _daemon(name: str, kind: Kind, what: str, read: Read, labels: tuple[str, ...] = ()) -> Declared:
    return Declared("Daemon", name, kind, what, labels, read)


DAEMON: Final = (
    _daemon(
        "driftline_build_info", "info", "The version that is running.", lambda s: [((s.version,), 1)], ("version",)
    ),
    _daemon(
        "driftline_config_info", "info", "The configuration in force.", lambda s: [((s.config_hash,), 1)], ("hash",)
    ),
    _daemon(
        "driftline_config_last_reload_successful",
        "gauge",
        "1 when the last attempt to load the configuration succeeded, else 0: the one before is still in force.",
        lambda s: one(int(s.last_load.successful) if s.last_load else None),
    ),
    _daemon(
        "driftline_config_last_reload_success_timestamp_seconds",
        "gauge",
        "When the configuration was last loaded with success, at the start or later, Unix time.",
        lambda s: one(seconds(s.last_load.success_at_ms) if s.last_load else None),
    ),
    _daemon(
        "driftline_baseline_info",
        "info",
        "The baseline that windows are compared with; absent without one.",
        lambda s: [((s.baseline_version, s.baseline.kind if s.baseline else "file"), 1)] if s.baseline_version else [],
        ("version", "kind"),
    ),
    _daemon(
        "driftline_baseline_changed_timestamp_seconds",
        "gauge",
        "When the baseline last became another one, Unix time.",
        lambda s: one(seconds(s.baseline.changed_at_ms) if s.baseline else None),
    ),
    _daemon(
        "driftline_baseline_windows",
        "gauge",
        "Windows in the reference of a field; trailing baselines only.",
        lambda s: keyed(s.baseline.windows) if s.baseline else (),
        ("field",),
    ),
    _daemon(
        "driftline_baseline_suspect",
        "gauge",
        "1 while the reference of a field is frozen because the field drifts, else 0; trailing baselines only.",
        lambda s: (((f,), int(f in s.baseline.suspect)) for f in sorted(s.baseline.windows)) if s.baseline else (),
        ("field",),
    ),
    _daemon(
        "driftline_ready",
        "gauge",
        "1 when partitions are assigned and state is restored, else 0.",
        lambda s: one(int(s.ready)),
    ),
    _daemon(
        "driftline_caught_up",
        "gauge",
        "1 when every owned partition has been read to its end once, else 0.",
        lambda s: one(int(s.caught_up)),
    ),
    _daemon(
        "driftline_decoder_waiting",
        "gauge",
        "1 while fetched records wait for a schema registry that does not answer, else 0.",
        lambda s: one(int(bool(s.waiting_for))),
    ),
    _daemon(
        "driftline_snapshot_timestamp_seconds",
        "gauge",
        "When the exported snapshot was taken, Unix time.",
        lambda s: one(seconds(s.taken_at_ms)),
    ),
    _daemon(
        SERIES_DROPPED,
        "counter",
        "Series left out of a snapshot, summed over snapshots.",
        lambda s: keyed(s.series_dropped),
        ("reason",),
    ),
    _daemon("driftline_alerts_firing", "gauge", "Alerts that fire now.", _firing, ("severity",)),
    _daemon(
        "driftline_notifications_total",
        "counter",
        "Notifications handed to a sink.",
        lambda s: paired(s.notifications),
        ("sink", "outcome"),
    ),
    _daemon(
        "driftline_outbox_size",
        "gauge",
        "Notifications that wait for a sink; those that are held are not among them.",
        lambda s: keyed(s.outbox_size),
        ("sink",),
    ),
    _daemon(
        "driftline_notifications_held",
        "gauge",
        "Notifications that are held back from a sink, by why: silence, maintenance, inhibition, after.",
        lambda s: paired(s.notifications_held),
        ("sink", "reason"),
    ),
    _daemon(
        "driftline_silences",
        "gauge",
        "Silences: pending, active, and those that expired in the last five days.",
        lambda s: keyed(s.silences),
        ("state",),
    ),
    _daemon(
        "driftline_sink_open",
        "gauge",
        "1 while a sink has failed so often that it counts as down, else 0.",
        lambda s: keyed(s.sink_open),
        ("sink",),
    ),
    _daemon(
        "driftline_incidents_open",
        "gauge",
        "Incidents (a storm is one) that a sink was told of and that are not over.",
        lambda s: keyed(s.incidents_open),
        ("sink",),
    ),
    _daemon(
        "driftline_notification_storms_total",
        "counter",
        "Storms: times at which new incidents began to be told to a sink as one.",
        lambda s: keyed(s.storms),
        ("sink",),
    ),
    _daemon(
        "driftline_watermark_timestamp_seconds",
        "gauge",
        "How far event time is complete, Unix time.",
        lambda s: one(seconds(s.watermark_ms)),
    ),
    _daemon(
        "driftline_last_window_timestamp_seconds",
        "gauge",
        "End of the last judged window in event time, Unix time.",
        lambda s: one(seconds(s.last_window.end_ms) if s.last_window else None),
    ),
    _daemon("driftline_windows_total", "counter", "Windows judged.", lambda s: one(s.windows_total)),
    _daemon(
        "driftline_rebalances_total",
        "counter",
        "Changes of the partitions this process owns.",
        lambda s: one(s.rebalances),
    ),
    _daemon(
        "driftline_engine_seconds_total",
        "counter",
        "Time the data thread spent in each stage.",
        lambda s: keyed(s.engine_seconds),
        ("stage",),
    ),
    _daemon(
        "driftline_checkpoint_duration_seconds",
        "histogram",
        "How long checkpoints took.",
        lambda s: one(s.checkpoint_duration),
    ),
    _daemon(
        "driftline_checkpoint_last_success_timestamp_seconds",
        "gauge",
        "When a checkpoint last succeeded, Unix time.",
        lambda s: one(seconds(s.checkpoint_last_success_ms)),
    ),
    _daemon(
        "driftline_unknown_fields",
        "gauge",
        "Names of fields seen in records but not configured.",
        lambda s: one(len(s.unknown_fields)),
    ),
)
