"""How often one stream had which level."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from monitor.types import Level


@dataclass
class Levels:
    """How many windows of one stream had which level, and when the first was bad."""

    levels: Counter[Level] = field(default_factory=Counter)
    first_bad_ms: int | None = None

    @property
    def level(self) -> Level | None:
        """The worst level of all; unknown only where nothing else was known."""
        known = [level for level in self.levels if level is not Level.UNKNOWN]
        return max(known) if known else Level.UNKNOWN if self.levels else None

    @property
    def bad(self) -> int:
        """How many windows were at warning or above."""
        return self.levels[Level.WARNING] + self.levels[Level.CRITICAL]

    def count(self, level: Level, start_ms: int, windows: int = 1) -> None:
        """Count so many windows of one level, the first of which begins at `start_ms`."""
        self.levels[level] += windows
        if level >= Level.WARNING and self.first_bad_ms is None:
            self.first_bad_ms = start_ms
