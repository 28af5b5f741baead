"""The configuration of a Kafka source."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from monitor.brokers import SecuritySpec, Servers
from monitor.clock import Clock
from monitor.sources.partitioned import PartitionedSource
from monitor.spec import DurationMs, Spec

_MIB = 1 << 20
_TOPIC = r"^(\^.*|[a-zA-Z0-9._-]{1,249})$"
_RESERVED = frozenset(
    {
        "auto_offset_reset",
        "bootstrap_servers",
        "enable_auto_commit",
        "enable_auto_offset_store",
        "enable_partition_eof",
        "group_id",
        "isolation_level",
        "max_poll_records",
        "partition_assignment_strategy",
    }
)


def _check_start(value: Any) -> Any:
    """Return `earliest`, `latest` or a time with its zone as RFC 3339; raises ValueError."""
    if value in ("earliest", "latest"):
        return value
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError("write earliest, latest or a time such as 2026-01-31T00:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("the time has no zone; end it with Z for UTC")
    return moment.isoformat()


Start = Annotated[
    str,
    BeforeValidator(_check_start),
    WithJsonSchema({"type": "string", "examples": ["earliest", "latest", "2026-01-31T00:00:00Z"]}),
]
"""Where to begin without a stored offset."""


class KafkaSpec(Spec):
    """Topics of a Kafka cluster. A topic that begins with `^` is a pattern, matched from the name's first letter on."""

    kind: Literal["kafka"] = "kafka"
    assignment: Literal["all", "group"] = Field(
        default="all", description="Read every partition alone (`all`), or share them with a consumer group (`group`)."
    )
    client: Literal["kafka-python", "librdkafka"] = Field(
        default="kafka-python", description="The library; `librdkafka` needs less CPU per record."
    )
    bootstrap_servers: Servers = Field(
        default=("localhost:9092",), description="Brokers to ask first: a list, or text with commas."
    )
    topics: Annotated[tuple[Annotated[str, StringConstraints(pattern=_TOPIC)], ...], Field(min_length=1)] = Field(
        description="Names, or patterns that begin with `^`."
    )
    group_id: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="Where offsets are shown to lag tools, and the group to join."
    )
    start: Start = Field(
        default="latest", description="Where to begin when the store has no offset: `earliest`, `latest` or a time."
    )
    on_out_of_range: Literal["earliest", "latest", "fail"] = Field(
        default="earliest",
        description="Where to go on when retention removed what comes next, or the topic is new.",
    )
    security: SecuritySpec = Field(default=SecuritySpec(), description="How to reach and convince the brokers.")
    isolation_level: Literal["read_committed", "read_uncommitted"] = Field(
        default="read_committed", description="Whether records of open and aborted transactions are read."
    )
    client_id: str = Field(
        default="driftline", description="What the brokers call this client in their logs and quotas."
    )
    max_poll_records: int = Field(
        50_000, ge=1, le=1_000_000, description="At most this many records are decoded at once."
    )
    max_partition_fetch_bytes: int = Field(
        16 * _MIB, ge=1024, le=512 * _MIB, description="At most this much is fetched of a partition at once."
    )
    fetch_max_bytes: int = Field(
        64 * _MIB, ge=1024, le=1024 * _MIB, description="At most this much is fetched at once."
    )
    fetch_max_wait: DurationMs = Field(
        default=250, description="How long a broker may wait for more records before it answers."
    )
    refresh: DurationMs = Field(30_000, ge=100, description="How often to look for new partitions and topics.")
    connect_timeout: DurationMs = Field(30_000, ge=100, description="How long to wait for brokers and topics at start.")
    options: dict[str, str | int | float | bool] = Field({}, description="Passed to the client under its own names.")
    embedded: bool = Field(default=False, description="The brokers are librdkafka's mock cluster.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.assignment == "group" and self.group_id is None:
            raise ValueError("assignment group needs a group_id")
        for topic in self.topics:
            if topic.startswith("^"):
                try:
                    re.compile(topic)
                except re.error as error:
                    raise ValueError(f"topic {topic} is no regular expression: {error}") from error
        for name in self.options:
            if name.replace(".", "_") in _RESERVED:
                raise ValueError(f"option {name} is set by Driftline and cannot be changed")
            if "password" in name:
                raise ValueError(f"option {name} would show a secret; use the settings under security")
        return self

    @property
    def start_ms(self) -> int | None:
        """The start as milliseconds since the Unix epoch, None for `earliest` and `latest`."""
        return (
            None
            if self.start in ("earliest", "latest")
            else round(datetime.fromisoformat(self.start).timestamp() * 1000)
        )

    def wants(self, topic: str) -> bool:
        """Return whether `topic` is one of the topics or matches a pattern (never one of Kafka's own, `__…`)."""
        if topic in self.topics:
            return True
        patterns = (pattern for pattern in self.topics if pattern.startswith("^"))
        return not topic.startswith("__") and any(re.match(pattern, topic) for pattern in patterns)

    def build(self, clock: Clock) -> PartitionedSource:
        """Return the source, connected; raises SurroundingsError when brokers or topics cannot be had."""
        from monitor.sources.kafka_source import KafkaSource  # noqa: PLC0415 - it imports this module

        return KafkaSource(self, clock)
