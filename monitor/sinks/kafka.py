"""The sink that writes alerts to a Kafka topic, for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, StringConstraints, model_validator

from monitor.brokers import SecuritySpec, Servers
from monitor.errors import Retryable, Undeliverable
from monitor.sinks.body import render_body
from monitor.sinks.options import AT_ONCE, After, MinSeverity, SinkName
from monitor.spec import DurationMs, Spec
from monitor.types import Alert


class Topic(Protocol):
    """A topic that takes records, with acks=all. The client libraries belong to the sources, so it is handed in."""

    def send(self, records: Sequence[tuple[bytes, bytes]], timeout_s: float) -> Mapping[int, str | None]:
        """Send (key, value) pairs in order; return, by position, None for what all replicas have, else the refusal.

        A position about which nothing is known after `timeout_s` is absent. Raises Retryable.
        """
        ...

    def close(self) -> None:
        """Release the connections; may be called twice."""
        ...


class KafkaSinkSpec(Spec):
    """A Kafka topic: the webhook's versioned JSON, one record per alert, with the alert's fingerprint as key.

    Without `bootstrap_servers` it is a topic of the source's cluster, reached as the source is.
    """

    kind: Literal["kafka"] = "kafka"
    name: SinkName = "kafka"
    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")] = Field(description="The topic.")
    bootstrap_servers: Servers | None = Field(
        default=None, description="Brokers to ask first; without them, the source's."
    )
    security: SecuritySpec | None = Field(
        default=None, description="How to reach and convince `bootstrap_servers`; by default PLAINTEXT."
    )
    min_severity: MinSeverity = "warning"
    after: After = AT_ONCE
    timeout: DurationMs = Field(5_000, ge=100, le=30_000, description="How long all replicas may take.")

    @model_validator(mode="after")
    def _security_has_servers(self) -> Self:
        if self.security is not None and self.bootstrap_servers is None:
            raise ValueError("security without bootstrap_servers; the source's cluster is reached as the source is")
        return self

    def build(self, topic: Topic) -> KafkaSink:
        """Return the sink on a topic."""
        return KafkaSink(self, topic)


class KafkaSink:
    """Sends one record per transition, in order, at least once."""

    def __init__(self, spec: KafkaSinkSpec, topic: Topic) -> None:
        """Take over the topic."""
        self.name = spec.name
        self._topic = topic
        self._timeout_s = spec.timeout / 1000

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Send the alerts; Undeliverable, with positions, for those that the broker refuses for size or content."""
        records = [(alert.fingerprint.encode(), render_body([alert])) for alert in alerts]
        outcomes = self._topic.send(records, self._timeout_s)
        if len(outcomes) < len(records):
            n = len(records) - len(outcomes)
            delivered = {position for position, error in outcomes.items() if error is None}
            raise Retryable(f"the brokers did not acknowledge {n} of {len(records)}", delivered=delivered)
        refused = {position: error for position, error in outcomes.items() if error is not None}
        if refused:
            raise Undeliverable("; ".join(sorted(set(refused.values()))[:3]), positions=refused)

    def close(self) -> None:
        """Release the connections; may be called twice."""
        self._topic.close()
