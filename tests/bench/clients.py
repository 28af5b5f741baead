"""Both Kafka clients end to end: a real broker, our source, the engine, judged windows."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from monitor.clock import SystemClock
from monitor.compile import compile_plan, load_baseline
from monitor.engine import Engine
from monitor.partition import PartitionState
from monitor.types import Assigned, Fetch
from tests.bench.engine import configured
from tests.bench.records import payments
from tests.support.kafka import Cluster


def produce(bootstrap: str, topic: str, values: Sequence[bytes], codec: str) -> None:
    """Write the records to a topic of the broker and wait until all have arrived."""
    Cluster(bootstrap).create_topic(topic)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": codec,
            "linger.ms": 50,
            "queue.buffering.max.messages": 10**6,
        }
    )
    for value in values:
        producer.produce(topic, value, partition=0)
        producer.poll(0)
    producer.flush()


def drain(directory: Path, bootstrap: str, topic: str, client: str, n: int) -> dict[str, float]:
    """Read and judge all `n` records of the topic; return wall and CPU seconds and the share of reading."""
    config = configured(directory, client=client, bootstrap=bootstrap, topic=topic)
    plan = compile_plan(config, load_baseline(config))
    engine = Engine(plan, config.decoder.build(plan.decode))
    source = config.source.build(SystemClock())
    reading = 0.0
    try:
        began, cpu = time.perf_counter(), time.process_time()
        while sum(state.records for state in engine.partitions.values()) < n:
            polled = time.process_time()
            events = source.poll(frozenset(), 0.5)
            reading += time.process_time() - polled
            for event in events:
                if isinstance(event, Assigned):
                    for partition in event.partitions:
                        engine.assign(PartitionState(partition, 0, 0))
                        source.seek(partition, 0)
            engine.step([event for event in events if isinstance(event, Fetch)], SystemClock().now_ms())
        engine.finish()
        return {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "reading_s": reading}
    finally:
        source.close()


def measure(directory: Path, bootstrap: str, n: int) -> list[dict[str, Any]]:
    """Return a row for each client and codec."""
    gc.set_threshold(100_000, 50, 100)  # as `driftline run` does
    values = payments(n)
    mean = sum(map(len, values)) / n
    rows: list[dict[str, Any]] = []
    for codec in ("none", "lz4"):
        topic = f"bench-{codec}-{uuid.uuid4().hex[:8]}"
        produce(bootstrap, topic, values, codec)
        for client in ("kafka-python", "librdkafka"):
            took = drain(directory, bootstrap, topic, client, n)
            rows.append(
                {
                    "client": client,
                    "codec": codec,
                    "records_per_s": n / took["wall_s"],
                    "mb_per_s": mean * n / took["wall_s"] / 1e6,
                    "us_per_record": took["cpu_s"] / n * 1e6,
                    "reading_share": took["reading_s"] / took["cpu_s"],
                }
            )
    return rows
