"""Seasons: which hour of the day or of the week a time is in, on the clocks of a place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from monitor.types import IntArray

_HOUR_MS = 3_600_000
_PIECE_MS = 900_000
"""No clock is changed, and no zone differs from UTC, by less than a quarter of an hour (since about 1972)."""
_MONDAY = 3
"""The epoch was a Thursday, and weeks begin with Monday."""


@dataclass(frozen=True)
class Season:
    """24 hours of the day, or 168 of the week from Monday 00:00 on, as the clocks of `time_zone` show them."""

    kind: Literal["hour_of_day", "hour_of_week"]
    time_zone: str = "UTC"

    @property
    def slots(self) -> int:
        """How many hours are told apart."""
        return 24 if self.kind == "hour_of_day" else 168

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def name(self, slot: int) -> str:
        """Return a slot in words: `09:00` or `Mon 09:00`."""
        day = "" if self.slots == 24 else ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[slot // 24] + " "
        return f"{day}{slot % 24:02}:00"

    def slots_of(self, times_ms: IntArray) -> IntArray:
        """Return the slot of each time, int64."""
        pieces, inverse = np.unique(times_ms // _PIECE_MS, return_inverse=True)
        return self._slots(pieces)[inverse]

    def overlaps(self, start_ms: int, end_ms: int) -> IntArray:
        """Return how long [start, end) lies in each slot, in milliseconds, int64 (slots)."""
        spent = np.zeros(self.slots, np.int64)
        if end_ms > start_ms:
            pieces = np.arange(start_ms // _PIECE_MS, (end_ms - 1) // _PIECE_MS + 1)
            inside = np.minimum((pieces + 1) * _PIECE_MS, end_ms) - np.maximum(pieces * _PIECE_MS, start_ms)
            np.add.at(spent, self._slots(pieces), inside)
        return spent

    def _slots(self, pieces: IntArray) -> IntArray:
        """Return the slot of each quarter of an hour since the epoch."""
        local_ms = pieces * _PIECE_MS
        if self.time_zone != "UTC":
            local_ms = local_ms + np.array([self._offset_ms(start) for start in local_ms.tolist()], np.int64)
        return (local_ms // _HOUR_MS + _MONDAY * 24) % self.slots

    def _offset_ms(self, time_ms: int) -> int:
        """Return by how much the clocks are ahead of UTC."""
        offset = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(self._zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)
