"""What one sink was told and has to be told: incidents with their alerts, as immutable values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Protocol

from monitor.digests import digest
from monitor.types import Alert, AlertIdentity

Severity = Literal["warning", "critical"]

_RANKS = {"critical": 0, "warning": 1}


@dataclass(frozen=True)
class Member:
    """An alert of an incident, as it was last; `home` is the identity of the incident that it says it is part of."""

    alert: Alert
    home: str

    @property
    def firing(self) -> bool:
        """Whether the alert still holds."""
        return self.alert.status == "firing"


@dataclass(frozen=True)
class Incident:
    """What a sink is told as one thing: the alerts of an incident, or those of all incidents of a storm.

    `key` is its identity for the receiver. `told` is the last trigger that the receiver took, `handed` whether one was
    on its way, so that it may know of it; `closing` whether a resolve was, so that it may have forgotten it; `news`
    whether something has begun that it was not told of.
    """

    key: str
    storm: bool = False
    members: Mapping[AlertIdentity, Member] = field(default_factory=dict)
    told: Alert | None = None
    told_at_ms: int = 0
    handed: bool = False
    closing: bool = False
    news: bool = False

    @property
    def firing(self) -> list[Alert]:
        """The alerts that hold, the most severe first, and of these the first one first."""
        return ordered(member.alert for member in self.members.values() if member.firing)

    @property
    def homes(self) -> frozenset[str]:
        """The incidents that something of it is still firing in."""
        return frozenset(member.home for member in self.members.values() if member.firing)

    def heard(self, alert: Alert, home: str) -> Incident:
        """Return the incident after a transition of one of its alerts."""
        key = alert.identity
        before = self.members.get(key)
        if before is not None and before.alert == alert:
            return self
        begun = alert.status == "firing" and not (before is not None and before.firing)
        members = {**self.members, key: Member(alert, home)}
        return replace(self, members=members, news=self.news or begun)


@dataclass(frozen=True)
class Ledger:
    """Everything that is remembered of one sink.

    `opened_ms`: when the last new incidents began to be told, by the wall clock, at most as many as make a storm.
    `last`: the digests of the transitions of the last delivery, which may be delivered again after a crash.
    """

    incidents: Mapping[str, Incident] = field(default_factory=dict)
    opened_ms: tuple[int, ...] = ()
    last: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        """How many incidents the receiver has open; a storm is one."""
        return sum(incident.told is not None for incident in self.incidents.values())


class Records(Protocol):
    """Where the ledger of a sink survives a restart."""

    def load(self) -> Ledger:
        """Return the ledger as it was written last; raises Retryable."""
        ...

    def write(self, ledger: Ledger) -> None:
        """Make the ledger durable, whole or not at all; raises Retryable."""
        ...

    def close(self) -> None:
        """Release the storage; may be called twice."""
        ...


class Forgetful:
    """Records that last as long as the process, for trying a sink out."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._ledger = Ledger()

    def load(self) -> Ledger:
        """Return what was written."""
        return self._ledger

    def write(self, ledger: Ledger) -> None:
        """Keep it."""
        self._ledger = ledger

    def close(self) -> None:
        """Do nothing."""


def ordered(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts with the most severe first, then the one that began first; the rest of the order is fixed too."""
    return sorted(alerts, key=lambda alert: (_RANKS[alert.severity], alert.starts_at_ms, alert.fingerprint))


def transition_digest(alert: Alert) -> str:
    """Return what tells a transition, with all that is said of it, from any other one."""
    return digest([json.dumps(asdict(alert), sort_keys=True)])
