"""The proposal as a whole, before it is written: every part with its reasons, and what a trial changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.proposing.event_time import EventTime
from monitor.proposing.fields import FieldProposal
from monitor.proposing.origin import Origin
from monitor.proposing.pace import Pace
from monitor.proposing.table import Survey


@dataclass(frozen=True)
class Detector:
    """A detector of one field in place of the defaults, with the reason."""

    kind: str
    warning: float
    critical: float
    why: str


@dataclass(frozen=True)
class CheckProposal:
    """An entry of `checks` as YAML in flow style, its name, and why; one that is not active is a comment."""

    name: str
    entry: str
    why: str
    active: bool = True


@dataclass(frozen=True)
class Tuning:
    """What the trial changed: detectors by field (an empty tuple: none), tolerated failures, checks left out."""

    detectors: Mapping[str, tuple[Detector, ...]] = field(default_factory=dict)
    unstable: Mapping[str, str] = field(default_factory=dict)
    """Why fields lost detectors."""
    tolerated: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    muted: Mapping[str, str] = field(default_factory=dict)
    """Checks by name that would have failed, and why."""


@dataclass(frozen=True, eq=False)
class Draft:
    """All that is proposed, and for what."""

    name: str
    origin: Origin
    baseline_path: str
    store_path: str
    survey: Survey
    rows: int
    complete: bool
    time: EventTime
    pace: Pace
    fields: tuple[FieldProposal, ...]
    left_out: Mapping[str, str]
    checks: tuple[CheckProposal, ...]
    tuning: Tuning = field(default_factory=Tuning)
    segment: tuple[str, int] | None = None
    """A field by which rows could be judged apart, and how many values it has."""
    split_ms: int | None = None
    """The baseline is of the rows before this event time; None: of all."""
    verdict: str = ""
    """What the trial of the whole sample said."""

    @property
    def watched(self) -> tuple[FieldProposal, ...]:
        """The fields that are configured."""
        return tuple(proposal for proposal in self.fields if proposal.active)
