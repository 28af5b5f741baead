"""The configuration of a Kafka source."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, WithJsonSchema, model_validator

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


def _split(value: Any) -> Any:
    """Return the parts of a comma-separated text; anything else as it is."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


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


Servers = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1)], ...],
    Field(min_length=1),
    BeforeValidator(_split),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
"""Brokers to ask first, `host:port`, in a list or with commas between them."""

Start = Annotated[
    str,
    BeforeValidator(_check_start),
    WithJsonSchema({"type": "string", "examples": ["earliest", "latest", "2026-01-31T00:00:00Z"]}),
]
"""Where to begin without a stored offset."""


class SecuritySpec(Spec):
    """How to reach and convince the brokers. Secrets never appear in a repr; files are PEM."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"] | None = None
    username: str | None = None
    password: SecretStr | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: SecretStr | None = None
    check_hostname: bool = True
    kerberos_service_name: str = "kafka"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        sasl = self.protocol.startswith("SASL_")
        if sasl and self.mechanism is None:
            raise ValueError(f"protocol {self.protocol} needs a mechanism")
        if self.mechanism is not None and not sasl:
            raise ValueError(f"mechanism {self.mechanism} needs protocol SASL_SSL or SASL_PLAINTEXT")
        if self.mechanism not in (None, "GSSAPI") and (self.username is None or self.password is None):
            raise ValueError(f"mechanism {self.mechanism} needs username and password")
        if not self.protocol.endswith("SSL") and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need protocol SSL or SASL_SSL")
        return self


class KafkaSpec(Spec):
    """Topics of a Kafka cluster. A topic that begins with `^` is a pattern, matched from the name's first letter on."""

    kind: Literal["kafka"] = "kafka"
    assignment: Literal["all", "group"] = "all"
    client: Literal["kafka-python", "librdkafka"] = "kafka-python"
    bootstrap_servers: Servers = ("localhost:9092",)
    topics: Annotated[tuple[Annotated[str, StringConstraints(pattern=_TOPIC)], ...], Field(min_length=1)]
    group_id: Annotated[str, StringConstraints(min_length=1)] | None = None
    start: Start = "latest"
    on_out_of_range: Literal["earliest", "latest", "fail"] = "earliest"
    security: SecuritySpec = SecuritySpec()
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    client_id: str = "driftline"
    max_poll_records: int = Field(50_000, ge=1, le=1_000_000)
    max_partition_fetch_bytes: int = Field(16 * _MIB, ge=1024, le=512 * _MIB)
    fetch_max_bytes: int = Field(64 * _MIB, ge=1024, le=1024 * _MIB)
    fetch_max_wait: DurationMs = 250
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
