"""The topic itself: more partitions, another topic of the same name, records that are gone before they were read."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.faults.suite import invariants
from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.load import Load
from tests.faults.suite.scene import Scene
from tests.support.disturbed import PARTITIONS

_REFRESH = {"source": {"refresh": "1s"}}


def _admin(scene: Scene) -> AdminClient:
    return AdminClient({"bootstrap.servers": scene.broker.bootstrap})


def more_partitions(scene: Scene) -> None:
    """Add a partition; write to it as soon as the daemon has it."""
    scene.until_reading(200)
    wanted = scene.load.partitions + 1
    admin = _admin(scene)
    admin.create_partitions([NewPartitions(scene.topic, wanted)])[scene.topic].result()
    scene.until(lambda: len(scene.status()["partitions"]) == wanted, "the new partition read")
    scene.load.producer.list_topics(scene.topic, timeout=60)
    scene.load.partitions = wanted
    scene.until_reading(2_000)


def recreate(scene: Scene) -> None:
    """Delete the topic when all of it was read, and make another of the same name."""
    scene.until_reading(200)
    with scene.load.hold:
        assert scene.load.producer.flush(60) == 0
        scene.until(lambda: scene.records() == scene.load.written, "all read")
        admin = _admin(scene)
        admin.delete_topics([scene.topic])[scene.topic].result()
        while scene.topic in admin.list_topics(timeout=60).topics:
            time.sleep(0.05)
        scene.broker.create_topic(scene.topic, PARTITIONS)
        written = scene.load.written
        scene.load.renew()
    scene.until(lambda: scene.records() > written + 200, "the new topic read")
    scene.notes["jumped, recreated"] = scene.metric("driftline_offsets_jumped_total", '"recreated"')


def check_recreated(scene: Scene) -> dict[str, Any]:
    """Check the counts; what was in the old topic is nowhere any more."""
    sums: dict[str, Any] = {}
    for head in invariants.stored_heads(scene.directory / "disturbed").values():
        rejects = sum(head["rejects"].values())
        assert head["records"] == head["rows"] + rejects + head["filtered"], head
        sums["records"] = sums.get("records", 0) + head["records"]
    assert sums["records"] == scene.load.written, f"{sums} read, {scene.load.written} written"
    assert scene.notes["jumped, recreated"] > 0
    return sums


def expire(scene: Scene) -> None:
    """Let the log begin behind our offset while nobody reads."""
    scene.until_reading(200)
    scene.running().kill()
    scene.wait(3)
    with scene.load.hold:
        assert scene.load.producer.flush(60) == 0
        before = TopicPartition(scene.topic, 0, -1)
        admin = _admin(scene)
        gone = admin.delete_records([before])
        low = next(iter(gone.values())).result().low_watermark
    scene.start()
    scene.until_reading(200)
    jumped = scene.metric("driftline_offsets_jumped_total", '"retention"')
    assert jumped > 0, f"the log begins at {low}, nothing was said"
    scene.notes["jumped, retention"] = scene.notes.get("jumped, retention", 0) + jumped


def check_expired(scene: Scene) -> dict[str, Any]:
    """Check that what is missing is exactly what retention is said to have taken."""
    sums = invariants.check_gaps(scene)
    assert sums["missed"] == scene.notes["jumped, retention"], (sums, scene.notes)
    return sums


class Keyed(Load):
    """Records with few keys, some of them tombstones, for a topic that is compacted."""

    def key(self) -> bytes:
        """Return one of twenty keys."""
        return b"%d" % self.rng.randrange(20)

    def send(self, value: bytes, partition: int) -> None:
        """Write a record, or one time in fifty a tombstone."""
        super().send(value if self.rng.random() > 0.02 else None, partition)  # type: ignore[arg-type]


def keyed(scene: Scene) -> None:
    """Let records have keys from here on."""
    scene.load = Keyed(scene.broker, scene.topic, scene.load.at_ms)


def compact(scene: Scene) -> None:
    """Let the log be compacted while nobody reads, and while somebody does."""
    scene.until_reading(500)
    scene.running().kill()
    scene.wait(6)
    scene.start()
    scene.until_reading(500)


def check_compacted(scene: Scene) -> dict[str, Any]:
    """Check the counts; something must have been compacted, and something filtered."""
    sums = invariants.check_gaps(scene)
    assert sums["missed"] > 0, sums
    assert sums["filtered"] > 0, sums
    return sums


register(
    Fault(
        "partitions-added",
        "a partition is added, twice, and written to",
        more_partitions,
        repeats=2,
        clients=BOTH,
        settings=_REFRESH,
    )
)
register(
    Fault(
        "topic-recreated",
        "the topic is deleted, and another made under its name",
        recreate,
        clients=BOTH,
        settings=_REFRESH,
        check=check_recreated,
        exception="no undisturbed run can be had over a topic that is gone; counted is what was written to both",
    )
)
register(
    Fault(
        "retention",
        "the log's beginning is moved past our offset while no daemon runs (DeleteRecords)",
        expire,
        repeats=2,
        clients=BOTH,
        check=check_expired,
        complete=False,
        exception="what is gone is gone: the gap is counted, in `driftline_offsets_jumped_total`, cause `retention`",
    )
)
register(
    Fault(
        "compaction",
        "a compacted topic with twenty keys and tombstones; no daemon for 6 s",
        compact,
        repeats=2,
        clients=BOTH,
        prepare=keyed,
        topic_config={
            "cleanup.policy": "compact",
            "segment.ms": "1000",
            "min.cleanable.dirty.ratio": "0.01",
            "max.compaction.lag.ms": "1000",
        },
        check=check_compacted,
        complete=False,
        exception="records compacted away before they were read are counted as missed offsets, not as records",
    )
)
