"""What the snapshot says of alerts besides the alerts themselves: which may come, and whose notifications wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeldView:
    """Why new notifications of an alert are held: `kind` is silence, maintenance, inhibition or after, `by` whose.

    `sinks` are those that wait because of it; those that were told before it began are not among them. `until_ms` is
    None where no known time ends it.
    """

    kind: str
    by: str
    reason: str
    until_ms: int | None
    sinks: tuple[str, ...] = ()


@dataclass(frozen=True)
class MuteView:
    """What is muted or will be: a silence or a maintenance window, its matchers, until when, why and by whom."""

    kind: str
    name: str
    state: str
    matchers: tuple[str, ...]
    until_ms: int
    reason: str
    author: str


@dataclass(frozen=True)
class PendingView:
    """A stream of verdicts on its way to an alert: `windows` of `raise_after` in a row, since `since_ms`."""

    rule: str
    field: str
    segment: str
    windows: int
    raise_after: int
    since_ms: int
    reason: str
