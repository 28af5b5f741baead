"""The configuration of maintenance windows."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer, model_validator

from monitor.alerting.matching import parse_matchers
from monitor.alerting.schedule import DAY_MS, MaintenanceWindow, Once, Weekly
from monitor.spec import DurationMs, Spec, format_duration

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _sound(texts: tuple[str, ...]) -> tuple[str, ...]:
    parse_matchers(texts)
    return texts


Match = Annotated[tuple[str, ...], AfterValidator(_sound)]
"""Matchers of labels, all of which must hold, as Alertmanager writes them."""


def _clock_time(value: Any) -> Any:
    """Return `02:30` as a time of day; YAML 1.1 reads it without quotes as a number of minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:
        return time(value // 60, value % 60)
    if isinstance(value, str):
        try:
            return datetime.strptime(value, "%H:%M").replace(tzinfo=UTC).time()
        except ValueError as error:
            raise ValueError('not a time of day; write hours and minutes in quotes, such as "02:30"') from error
    return value


ClockTime = Annotated[
    time, BeforeValidator(_clock_time), PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str)
]
"""A time of day that clocks show, `HH:MM`."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("not a time zone; write an IANA name such as Europe/Berlin, or UTC") from error
    return name


class WeeklySpec(Spec):
    """On these days from `start` on, for `duration`; the window may reach into the next days."""

    days: tuple[Day, ...] = Field(
        default=_DAYS, min_length=1, max_length=7, description="Days of the week on which it starts."
    )
    start: ClockTime = Field(description="When it starts, as clocks in its time zone show it, `HH:MM`.")
    duration: DurationMs = Field(gt=0, description="How long it lasts.")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC", description="Whose clocks: an IANA name, such as Europe/Berlin."
    )

    @model_validator(mode="after")
    def _ends(self) -> Self:
        days = sorted({_DAYS.index(day) for day in self.days})
        gap_days = min(((after - day - 1) % 7) + 1 for day, after in zip(days, days[1:] + days[:1], strict=True))
        if self.duration >= gap_days * DAY_MS:
            longest = format_duration(gap_days * DAY_MS)
            raise ValueError(f"would begin anew before it ends; make the duration shorter than {longest}")
        return self

    def build(self) -> Weekly:
        """Return the schedule."""
        days = tuple(sorted({_DAYS.index(day) for day in self.days}))
        return Weekly(days, self.start, self.duration, ZoneInfo(self.time_zone))


class OnceSpec(Spec):
    """From one instant to another."""

    start: AwareDatetime = Field(description="When it starts, with its offset, such as 2026-12-01T22:00:00Z.")
    end: AwareDatetime = Field(description="When it ends.")

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.end <= self.start:
            raise ValueError("ends before it starts; exchange start and end")
        return self

    def build(self) -> Once:
        """Return the schedule."""
        return Once(round(self.start.timestamp() * 1000), round(self.end.timestamp() * 1000))


class MaintenanceSpec(Spec):
    """New notifications of matching alerts are held while it is on: `weekly`, or `once`."""

    name: str = Field(min_length=1, max_length=100, description="What it is called.")
    match: Match = Field(description="Matchers of the alerts' labels, all of which must hold.")
    reason: str = Field(min_length=1, max_length=500, description="Why, for whoever finds an alert held.")
    weekly: WeeklySpec | None = Field(default=None, description="Every week.")
    once: OnceSpec | None = Field(default=None, description="Once.")

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if (self.weekly is None) == (self.once is None):
            raise ValueError("needs a schedule; give it either weekly or once")
        return self

    def build(self) -> MaintenanceWindow:
        """Return the window."""
        schedule = self.weekly or self.once
        assert schedule is not None
        return MaintenanceWindow(self.name, parse_matchers(self.match), schedule.build(), self.reason)
