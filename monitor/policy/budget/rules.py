"""By which numbers the e-detector works; its defaults were found by simulation (docs/explanation/budget.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Rules:
    """What the e-detector is told once; `run_slots` is A, the slots in which one false page is promised at most.

    `cycle_ms` is the length of a season (0: none), in bins of `bin_ms`. `capacity` scores are compared with, of which
    only every `stride`-th is kept, and none before `lag` more slots were heard. The last three are there to be
    switched off by tests and studies only: without each of them the promise breaks.
    """

    run_slots: float
    slot_ms: int
    cycle_ms: int = 0
    bin_ms: int = _HOUR_MS
    capacity: int = 1000
    stride: int = 1
    lag: int = 20
    min_scores: int = 50
    scores_per_tau: float = 20.0
    suspect_ratio: float = 0.3
    suspect_least: float = 100.0
    recovery: float = 3.0
    tempered: bool = True
    quarantined: bool = True
    left_out: bool = True

    @property
    def bins(self) -> int:
        """The bins of a season, 0 without one."""
        return self.cycle_ms // self.bin_ms if self.cycle_ms else 0


def season_rules(season: str, slot_ms: int, capacity: int) -> tuple[int, int, int]:
    """Return length and bin of the season in milliseconds, and the stride by which two of them fit in `capacity`.

    `auto`: by hour of the day where a day has at least two slots, by day of the week for days, else none. Bins are
    hours, or slots where these are longer. The stride has no common divisor with the slots of a cycle, so that no
    time of the day is left out for ever.
    """
    if season == "auto":
        season = "hour_of_day" if 2 * slot_ms <= _DAY_MS else "hour_of_week" if slot_ms <= _DAY_MS else "none"
    cycle_ms = {"hour_of_day": _DAY_MS, "hour_of_week": 7 * _DAY_MS}.get(season, 0)
    bin_ms = max(_HOUR_MS, slot_ms)
    if not cycle_ms or cycle_ms % bin_ms or cycle_ms < 2 * bin_ms:
        return 0, bin_ms, 1
    slots = cycle_ms // slot_ms
    stride = max(1, math.ceil(2 * slots / capacity))
    while stride > 1 and math.gcd(stride, slots) > 1:
        stride += 1
    return cycle_ms, bin_ms, stride
