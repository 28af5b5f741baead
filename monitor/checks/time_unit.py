"""A number that is a time must be plausible in its unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.instants import NUMBERS, NumericUnit, numbers_ms
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import DurationMs, Spec
from monitor.types import Batch, FieldType, MaskArray

_DAY_MS = 86_400_000


class TimeUnitSpec(Spec):
    """Fails a time before `earliest` or past its row by more than `max_ahead`: as a rule it is in another unit."""

    field_types: ClassVar[frozenset[FieldType]] = NUMBERS
    example: ClassVar[str] = """
        fields:
          created_at: {type: integer}
        checks:
          - {kind: time_unit, field: created_at, unit: ms}
    """

    kind: Literal["time_unit"] = "time_unit"
    field: CheckedField
    unit: NumericUnit = Field(default="ms", description="the unit of the numbers, counted from 1970 UTC")
    earliest: date = Field(default=date(2000, 1, 1), description="the first day (UTC) that is plausible")
    max_ahead: DurationMs = Field(
        default=_DAY_MS, description="past the record's Kafka timestamp or, without one, the event time"
    )
    name: CheckName = Field(default_factory=named("time_unit"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> TimeUnit:
        """Return the check."""
        return TimeUnit(self)


@dataclass(frozen=True)
class TimeUnit:
    """Fails usable numbers that are no plausible time in the unit; evaluates the usable ones.

    Both ends are plausible themselves. Today's seconds taken for milliseconds are in January 1970, and
    milliseconds taken for seconds in the year 50 000 or so. Raises KeyError when no column is that field's,
    TypeError when it is texts.
    """

    spec: TimeUnitSpec

    @cached_property
    def _earliest_ms(self) -> float:
        day = self.spec.earliest
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        times = numbers_ms(column, self.spec.unit)
        present = np.where(batch.timestamps_ms > 0, batch.timestamps_ms, batch.event_times_ms)
        failed = (times < self._earliest_ms) | (times > present + self.spec.max_ahead)
        return failed & column.ok, column.ok
