"""What a decoder is asked for: the fields, the event time, and the limits a record must keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from monitor.types import FieldType

TimeUnit = Literal["s", "ms", "us", "ns", "iso8601"]
KEY = "$key"
TIMESTAMP = "$timestamp_ms"
HEADER_PREFIX = "$header."


@dataclass(frozen=True)
class EventTimePlan:
    """Where a row's event time stands; no `path`: the record's Kafka timestamp."""

    path: str | None = None
    unit: TimeUnit = "ms"
    max_ahead_ms: int = 3_600_000


@dataclass(frozen=True)
class DecodePlan:
    """The fields by path with their type, the event time and the limits of one record."""

    fields: Mapping[str, FieldType]
    event_time: EventTimePlan = field(default_factory=EventTimePlan)
    max_record_bytes: int = 1_048_576
    max_nesting_depth: int = 64

    @property
    def payload_fields(self) -> dict[str, FieldType]:
        """The fields that stand in the record's value."""
        return {path: kind for path, kind in self.fields.items() if not path.startswith("$")}

    @property
    def record_fields(self) -> dict[str, FieldType]:
        """The fields that Kafka carries beside the value: `$key`, `$timestamp_ms`, `$header.NAME`."""
        return {path: kind for path, kind in self.fields.items() if path.startswith("$")}
