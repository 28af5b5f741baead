"""Rows must reach the topic soon after they happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from monitor.checks.naming import CheckName, MaxFailureRatio
from monitor.spec import DurationMs, Spec
from monitor.types import Batch, MaskArray


class FreshnessSpec(Spec):
    """Fails a row whose Kafka timestamp is more than `max_delay` after its event time."""

    example: ClassVar[str] = """
        time: {field: event_time}
        checks:
          - {kind: freshness, max_delay: 30s}
    """

    kind: Literal["freshness"] = "freshness"
    name: CheckName = "freshness"
    max_delay: DurationMs = Field(description="from the event time to the record's Kafka timestamp")
    # A retried batch or a phone that was offline is no fault of the stream; one row in twenty late is.
    max_failure_ratio: MaxFailureRatio = 0.05
    severity: Literal["warning", "critical"] = "warning"

    @property
    def field(self) -> str:
        """Return no field: event time and timestamp are every row's."""
        return ""

    def build(self) -> Freshness:
        """Return the check."""
        return Freshness(self)


@dataclass(frozen=True)
class Freshness:
    """Fails rows that came late; evaluates those whose record has a Kafka timestamp.

    A delay of exactly `max_delay` is fine, and so is an event time ahead of the timestamp. What did not come
    at all has no rows: a silent topic is for the check of kind `volume`. Both times are of the record, so a
    monitor that is behind, or a replay, sees the same delays.
    """

    spec: FreshnessSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        stamped = batch.timestamps_ms > 0
        late = batch.timestamps_ms - batch.event_times_ms > self.spec.max_delay
        return late & stamped, stamped
