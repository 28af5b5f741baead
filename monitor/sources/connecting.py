"""The first contact with a cluster: opens the configured client and waits for the configured topics."""

from __future__ import annotations

import time

from monitor.clock import Clock
from monitor.errors import Retryable, SurroundingsError
from monitor.sources.kafka_client import KafkaClient, OnCommitFailure
from monitor.sources.kafka_settings import KafkaSpec
from monitor.types import TopicPartition

ASK_AGAIN_S = 0.2
ANSWER_TIMEOUT_S = 5.0


def open_client(spec: KafkaSpec, on_commit_failure: OnCommitFailure) -> KafkaClient:
    """Return a client of the configured library; raises SurroundingsError when it cannot connect in time.

    Only the library that is used gets imported.
    """
    if spec.client == "librdkafka":
        from monitor.sources.librdkafka import LibrdkafkaClient  # noqa: PLC0415

        return LibrdkafkaClient(spec, on_commit_failure)
    from monitor.sources.kafka_python import KafkaPythonClient  # noqa: PLC0415

    return KafkaPythonClient(spec, on_commit_failure)


def await_topics(client: KafkaClient, spec: KafkaSpec, clock: Clock) -> frozenset[TopicPartition]:
    """Return every partition of the wanted topics once all topics that are named (not patterns) exist.

    Raises SurroundingsError with what is missing after `connect_timeout`, at once when access is refused.
    """
    deadline_s = clock.monotonic_s() + spec.connect_timeout / 1000
    named = {topic for topic in spec.topics if not topic.startswith("^")}
    while True:
        try:
            found = client.partitions(min(ANSWER_TIMEOUT_S, spec.connect_timeout / 1000))
            if named <= found.keys():
                return frozenset(TopicPartition(topic, p) for topic, numbers in found.items() for p in numbers)
            problem = f"there is no topic {', '.join(sorted(named - found.keys()))}"
        except Retryable as error:
            problem = str(error)
        if clock.monotonic_s() >= deadline_s:
            raise unreachable(spec, problem)
        time.sleep(ASK_AGAIN_S)


def unreachable(spec: KafkaSpec, problem: str) -> SurroundingsError:
    """Return the error for a cluster that cannot be used, with what to look at."""
    if spec.client == "kafka-python" and spec.security.mechanism is not None:
        problem += "; to kafka-python a failed authentication looks like a lost connection"
    return SurroundingsError(
        f"{problem} (asked {', '.join(spec.bootstrap_servers)} for up to {spec.connect_timeout / 1000:g} s); "
        "check source.bootstrap_servers, source.topics, source.security and the principal's ACLs"
    )
