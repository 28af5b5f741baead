"""Maintenance windows: silences that the configuration schedules, once or every week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.alerting.matching import Matcher

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Once:
    """From one instant to another."""

    from_ms: int
    to_ms: int

    def until_ms(self, now_ms: int) -> int | None:
        """Return when it ends if it is on now, else None."""
        return self.to_ms if self.from_ms <= now_ms < self.to_ms else None


@dataclass(frozen=True)
class Weekly:
    """On some days of the week (0 is Monday) from a local time on, for `duration_ms`.

    The start is what clocks in `zone` show, the duration is what passes: a window of two hours lasts two hours
    in the night in which clocks change too. A start that clocks skip is as long after the jump as it lay in the
    skipped hour; of a start that they show twice the first counts.
    """

    days: tuple[int, ...]
    start: time
    duration_ms: int
    zone: ZoneInfo

    def until_ms(self, now_ms: int) -> int | None:
        """Return when it ends if it is on now, else None."""
        today = datetime.fromtimestamp(now_ms / 1000, self.zone).date()
        # a day more than it lasts, since days have 23 to 25 hours
        for back in range(self.duration_ms // DAY_MS + 3):
            day = today - timedelta(days=back - 1)
            if day.weekday() in self.days:
                start_ms = round(datetime.combine(day, self.start, self.zone).timestamp() * 1000)
                if start_ms <= now_ms < start_ms + self.duration_ms:
                    return start_ms + self.duration_ms
        return None


Schedule = Once | Weekly


@dataclass(frozen=True)
class MaintenanceWindow:
    """Holds new notifications of the alerts whose labels fulfil all matchers while its schedule is on."""

    name: str
    matchers: tuple[Matcher, ...]
    schedule: Schedule
    reason: str
