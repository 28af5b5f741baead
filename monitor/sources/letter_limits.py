"""Limits on dead letters: which share of a topic's records may become some, how many a second, what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import structlog

from monitor.types import IntArray, MaskArray

log = structlog.get_logger(__name__)

QUIET_S = 60.0
"""Suppression is over when nothing was suppressed for so long: near a limit it would begin and end at every record."""


class ShareLimit:
    """Admits a reject unless, with it, more than `max_ratio` of the last `over_records` records are rejects.

    Rejects that are not admitted count as rejects too, so a topic of nothing but rejects gives
    `max_ratio * over_records` letters and then none until the share has fallen. Records from before the
    first one count as fine. How the records are cut into fetches does not matter. Keeps the positions of the
    last `max_ratio * over_records` rejects.
    """

    def __init__(self, max_ratio: float, over_records: int) -> None:
        """Start with no record seen."""
        self._over = over_records
        # 0.29 * 100 is just below 29
        self._most = max(1, int(max_ratio * over_records + 1e-9))
        self._records = 0
        self._rejects: IntArray = np.empty(0, np.int64)

    def admits(self, records: int, index: IntArray) -> MaskArray:
        """Take the next `records` records, of which those at `index` (ascending) are rejects; return which may go."""
        positions = np.concatenate([self._rejects, self._records + index])
        self._records += records
        held = len(self._rejects)
        self._rejects = positions[-self._most :]
        admitted = np.ones(len(index), np.bool_)
        first = max(0, self._most - held)  # the first of them that has `most` rejects before it
        later = positions[held + first :]
        admitted[first:] = later - positions[: len(later)] >= self._over
        return admitted

    @property
    def exceeded(self) -> bool:
        """Whether a reject would not be admitted if it came next."""
        return len(self._rejects) == self._most and self._records - int(self._rejects[0]) < self._over


class RateLimit:
    """Admits `per_second` a second and at most a second's worth at once."""

    def __init__(self, per_second: int, now_s: float) -> None:
        """Start with a second's worth."""
        self._per_second = per_second
        self._allowance = float(per_second)
        self._counted_s = now_s

    def take(self, wanted: int, now_s: float) -> int:
        """Return how many of `wanted` may go now."""
        self._allowance = min(self._per_second, self._allowance + (now_s - self._counted_s) * self._per_second)
        self._counted_s = now_s
        admitted = min(wanted, int(self._allowance))
        self._allowance -= admitted
        return admitted


@dataclass
class Suppression:
    """A time in which a limit held letters of a topic back; the log tells its beginning and its end."""

    topic: str
    limit: str
    since_s: float
    last_s: float
    letters: int = 0

    @classmethod
    def begin(cls, topic: str, limit: str, now_s: float) -> Suppression:
        """Return one that begins now, and say so."""
        log.warning("dead_letters_suppressed", topic=topic, limit=limit)
        return cls(topic, limit, now_s, now_s)

    def add(self, letters: int, now_s: float) -> None:
        """Count letters that were held back now."""
        self.letters += letters
        self.last_s = now_s

    def over(self, now_s: float, *, exceeded: bool) -> bool:
        """Return whether it has ended, which it says; it has not while the limit is `exceeded`."""
        if exceeded or now_s - self.last_s < QUIET_S:
            return False
        lasted_s = round(self.last_s - self.since_s, 3)
        log.warning(
            "dead_letters_resumed", topic=self.topic, limit=self.limit, suppressed=self.letters, lasted_s=lasted_s
        )
        return True
