"""A time must not be local time written as UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.fitting import Misfit
from monitor.checks.instants import NUMBERS, IsoTimes, Unit, numbers_ms, unit_misfits
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import TEXTS
from monitor.spec import DurationMs, Spec
from monitor.types import Batch, FieldType, FloatArray, MaskArray

_STEP_MS = 900_000
"""Every time zone of today is a multiple of 15 minutes off UTC …"""
_NEAREST, _FARTHEST = 2, 56
"""… from 30 minutes (what is nearer is an ordinary delay) to 14 hours, in steps."""


class TimeZoneSpec(Spec):
    """Fails a time that is off its record's Kafka timestamp by a time zone's offset, give or take `tolerance`.

    A replay, or a producer that was offline, is off by some hours too, so that single rows say little. When a
    producer writes local time nearly all rows are off: hence the default of `max_failure_ratio`.
    """

    field_types: ClassVar[frozenset[FieldType]] = NUMBERS | TEXTS
    example: ClassVar[str] = """
        fields:
          created_at: {type: text}
        checks:
          - {kind: time_zone, field: created_at, unit: iso8601}
    """

    kind: Literal["time_zone"] = "time_zone"
    field: CheckedField
    unit: Unit = Field(default="ms", description="the unit of the numbers, or iso8601 for texts")
    tolerance: DurationMs = Field(
        default=120_000, lt=_STEP_MS // 2, description="how far from a whole offset; below 7m30s, half their distance"
    )
    name: CheckName = Field(default_factory=named("time_zone"))
    max_failure_ratio: MaxFailureRatio = 0.5
    severity: Severity = "warning"

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield that the field's type is not the unit's."""
        yield from unit_misfits(self, fields)

    def build(self) -> TimeZone:
        """Return the check."""
        return TimeZone(self)


@dataclass(frozen=True)
class TimeZone:
    """Fails rows whose time is a multiple of 15 minutes, 30 minutes to 14 hours, before or after the Kafka timestamp.

    Evaluates the rows that have a Kafka timestamp and a usable value that is a time. A text with an offset of
    its own is that instant; one without is taken for UTC, which is what the check is about. A row that is late
    by chance is within a tolerance of 2 minutes of such a multiple in 27 of 100 cases (2 · 2 of every 15
    minutes). Raises KeyError when no column is that field's, TypeError when its values do not fit the unit.
    """

    spec: TimeZoneSpec

    @cached_property
    def _texts(self) -> IsoTimes:
        return IsoTimes()

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        times = self._times_ms(batch)
        evaluated = ~np.isnan(times) & (batch.timestamps_ms > 0)
        off = np.abs(np.where(evaluated & np.isfinite(times), times - batch.timestamps_ms, 0.0))
        steps = np.rint(off / _STEP_MS)
        whole = np.abs(off - steps * _STEP_MS) <= self.spec.tolerance
        return evaluated & whole & (steps >= _NEAREST) & (steps <= _FARTHEST), evaluated

    def _times_ms(self, batch: Batch) -> FloatArray:
        column = batch.columns[self.spec.field]
        return self._texts.ms(column) if self.spec.unit == "iso8601" else numbers_ms(column, self.spec.unit)
