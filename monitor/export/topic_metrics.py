"""What was read, per topic and per owned partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from monitor.export.declaration import Declared, Kind, Read, Row
from monitor.export.rows import by_topic, keyed, paired
from monitor.snapshot import PartitionView, Snapshot


def _topic(name: str, kind: Kind, what: str, read: Read, labels: tuple[str, ...] = ("topic",)) -> Declared:
    return Declared("Topics and partitions", name, kind, what, labels, read)


def _partition(name: str, kind: Kind, what: str, value: Callable[[PartitionView], float | None]) -> Declared:
    def rows(s: Snapshot) -> Iterable[Row]:
        return (((p.topic, str(p.partition)), value(p)) for p in s.partitions)

    return Declared("Topics and partitions", name, kind, what, ("topic", "partition"), rows)


_CAUSES: Final = ("retention", "truncation", "recreated", "repeated")
"""Each is shown from the start on, at 0, so that the first jump is seen as a rise."""


def _topics(s: Snapshot) -> list[str]:
    return sorted({p.topic for p in s.partitions})


TOPICS: Final = (
    _topic(
        "driftline_rejects_total",
        "counter",
        "Records that could not be decoded.",
        lambda s: paired(s.rejects),
        ("topic", "reason"),
    ),
    _topic(
        "driftline_dead_letters_total",
        "counter",
        "Rejects sent to the dead letter topic, or not.",
        lambda s: paired(s.dead_letters),
        ("topic", "outcome"),
    ),
    _topic(
        "driftline_filtered_total",
        "counter",
        "Records left out on purpose, such as tombstones.",
        lambda s: by_topic(s, s.filtered),
    ),
    _topic(
        "driftline_late_rows_total",
        "counter",
        "Rows behind their partition's watermark.",
        lambda s: by_topic(s, s.late_rows),
    ),
    _topic(
        "driftline_rows_after_verdict_total",
        "counter",
        "Rows, not late, for a window that was already judged.",
        lambda s: by_topic(s, s.rows_after_verdict),
    ),
    _topic(
        "driftline_offsets_jumped_total",
        "counter",
        "Offsets between where reading stood and where it had to go on; cause: retention, truncation, recreated or "
        "repeated.",
        lambda s: paired({(topic, cause): 0 for topic in _topics(s) for cause in _CAUSES} | dict(s.jumps)),
        ("topic", "cause"),
    ),
    _topic(
        "driftline_stall_actions_total",
        "counter",
        "What was done about partitions that did not move though there was work; action: seek or restart.",
        lambda s: keyed(dict.fromkeys(("seek", "restart"), 0) | dict(s.stall_actions)),
        ("action",),
    ),
    _topic("driftline_records_per_second", "gauge", "Recent rate of records.", lambda s: keyed(s.records_per_second)),
    _topic("driftline_bytes_per_second", "gauge", "Recent rate of record bytes.", lambda s: keyed(s.bytes_per_second)),
    _topic(
        "driftline_record_delay_seconds",
        "histogram",
        "From event time to folded into the statistics.",
        lambda s: keyed(s.record_delay),
    ),
    _topic(
        "driftline_append_delay_seconds",
        "histogram",
        "From appended by the broker (or created, on CreateTime topics) to folded.",
        lambda s: keyed(s.append_delay),
    ),
)

PARTITIONS: Final = (
    _partition("driftline_consumer_lag_records", "gauge", "Offsets still to be read.", lambda p: p.lag_records),
    _partition(
        "driftline_consumer_lag_seconds",
        "gauge",
        "Age of the oldest unread record, as far as known.",
        lambda p: p.lag_s,
    ),
    _partition(
        "driftline_partition_stalled",
        "gauge",
        "1 when there is lag but the position does not move, else 0.",
        lambda p: int(p.stalled),
    ),
    _partition("driftline_records_total", "counter", "Records read.", lambda p: p.records),
    _partition(
        "driftline_record_bytes_total",
        "counter",
        "Bytes of the records read, keys and values.",
        lambda p: p.record_bytes,
    ),
)
