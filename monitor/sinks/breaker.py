"""When a sink that failed is tried again, and when it counts as down."""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST_BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 300.0
OPEN_AFTER = 5
"""So many failures in a row open the circuit."""


@dataclass(slots=True)
class Breaker:
    """A circuit breaker with jitter, on a monotonic clock.

    While closed a failure is followed by anything between nothing and 1 s, doubling up to 5 min. Open, nothing is
    sent for at least half of that time; then one attempt decides: a success closes it, a failure keeps it open for
    longer.
    """

    failures: int = 0
    not_before_s: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it has failed so often that it counts as down."""
        return self.failures >= OPEN_AFTER

    def wait_s(self, now_s: float) -> float:
        """Return for how many seconds it is to be left alone, 0 when it may be tried."""
        return max(0.0, self.not_before_s - now_s)

    def fail(self, now_s: float, rng: random.Random, retry_after_s: float | None, longest_s: float) -> float:
        """Note a failure; return for how many seconds to leave the sink alone: at least as long as it asked for."""
        ceiling_s = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2.0 ** min(self.failures, 30))
        self.failures += 1
        wait_s = rng.uniform(ceiling_s / 2 if self.open else 0.0, ceiling_s)
        wait_s = min(max(wait_s, retry_after_s or 0.0), longest_s)
        self.not_before_s = now_s + wait_s
        return wait_s

    def succeed(self) -> None:
        """Note a success, which closes it."""
        self.failures = 0
