"""The bare clients: what reading costs a program that does nothing else with the records than to take them."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ConfluentPartition
from kafka import KafkaConsumer
from kafka.structs import TopicPartition as KafkaPythonPartition

from monitor.sources.client_settings import kafka_python_consumer, librdkafka_consumer
from tests.bench.engine import configured


def spec_of(directory: Path, bootstrap: str, topic: str, client: str) -> Any:
    """Return the settings of the source, from which those of the bare client are made, too."""
    return configured(directory, client=client, bootstrap=bootstrap, topic=topic).source


def bare_client_cpu_s(spec: Any, records: int) -> float:
    """Return the CPU seconds in which the client alone, set as the source sets it, reads so many records.

    From before it is told what to read: both clients begin to fetch then, in threads of their own.
    """
    gc.collect()
    return _kafka_python(spec, records) if spec.client == "kafka-python" else _librdkafka(spec, records)


def _kafka_python(spec: Any, left: int) -> float:
    reader, partition = KafkaConsumer(group_id=None, **kafka_python_consumer(spec)), KafkaPythonPartition(*_first(spec))
    began = time.process_time()
    reader.assign([partition])
    reader.seek(partition, 0)
    while left > 0:
        left -= sum(len([record.value for record in got]) for got in reader.poll(timeout_ms=500).values())
    took_s = time.process_time() - began
    reader.close()
    return took_s


def _librdkafka(spec: Any, left: int) -> float:
    reader = Consumer(librdkafka_consumer(spec))
    began = time.process_time()
    reader.assign([ConfluentPartition(*_first(spec), 0)])
    while left > 0:
        got = reader.consume(spec.max_poll_records, 0) or reader.consume(1, 0.1)
        left -= len([message.value() for message in got if message.error() is None])
    took_s = time.process_time() - began
    reader.close()
    return took_s


def _first(spec: Any) -> tuple[str, int]:
    """Return the one partition that there is."""
    return spec.topics[0], 0
