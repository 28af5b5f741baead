"""The proposal for one field: its settings, each with how sure it is and why."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from monitor.proposing.bounds import CONFIDENCE, Tail, lower_tail, none_seen_ratio, upper_tail
from monitor.proposing.facts import Facts
from monitor.proposing.kinds import Kind, Role, kind_of
from monitor.proposing.scalars import flow, short
from monitor.types import Presence

_FEWEST_ROWS = 300
"""With fewer rows a promise that something never happens would be too weak to alert on."""
_MOST_ALLOWED = 25
_LONGEST_ALLOWED = 80
_SEEN_OFTEN = 10
_CATEGORY_ROWS = 1000
_SURE = f"{CONFIDENCE:.0%}"


@dataclass(frozen=True)
class Setting:
    """A line `key: value` and why; one that is not active is written as a comment."""

    key: str
    value: str
    why: str
    active: bool = True


@dataclass(frozen=True)
class FieldProposal:
    """A field: its type and the settings after it. One that is not active is written as comments only."""

    path: str
    kind: Kind
    settings: tuple[Setting, ...] = ()
    usable: int = 0
    """Rows of the sample with a usable value."""
    drift_off: str | None = None
    """Why no detector should compare it; None: all that can do."""

    @property
    def active(self) -> bool:
        """Whether the field is configured."""
        return self.kind.role is not Role.EMPTY


def propose_field(facts: Facts) -> FieldProposal:
    """Return the proposal for a field of at least one row."""
    kind = kind_of(facts)
    settings: list[Setting] = []
    if kind.role is not Role.EMPTY:
        if facts.leaf.dimension is not None:
            settings.append(
                Setting("dimension", str(facts.leaf.dimension), "an array of another length is a wrong type")
            )
        settings += [s for s in (_required(facts), _nullable(facts), _range(facts, kind), _allowed(facts, kind)) if s]
    return FieldProposal(facts.path, kind, tuple(settings), facts.usable, _drift_off(kind))


def _required(facts: Facts) -> Setting | None:
    if facts.presence[Presence.ABSENT]:
        return None
    return Setting("required", "true", _never("absent", facts.rows), active=facts.rows >= _FEWEST_ROWS)


def _nullable(facts: Facts) -> Setting | None:
    if facts.presence[Presence.NULL]:
        return None
    return Setting("nullable", "false", _never("null", facts.present), active=facts.present >= _FEWEST_ROWS)


def _never(what: str, n: int) -> str:
    return f"{_SURE}: {what} in 0 of {n:,} rows, so in fewer than {_ratio(none_seen_ratio(n))}"


def _range(facts: Facts, kind: Kind) -> Setting | None:
    """Return the range of a measurement: natural ends where there are any, else ends far beyond those seen."""
    if kind.role is not Role.MEASURE or facts.usable < _FEWEST_ROWS:
        return None
    low, high = float(facts.sorted[0]), float(facts.sorted[-1])
    seen = f"seen {short(low)} … {short(high)}"
    sure = f"so in fewer than {_ratio(none_seen_ratio(facts.usable))}"
    if kind.type == "number" and low >= 0 and high <= 1 and high > 0.5:
        return Setting("range", "[0, 1]", f"{_SURE}: {seen}, a share; outside in 0 of {facts.usable:,}, {sure}")
    upper = upper_tail(facts.sorted)
    lower = Tail(low, 0.0, 0.0) if low >= 0 else lower_tail(facts.sorted)
    if upper.end is None and lower.end is None:
        return None
    said = [seen if low < 0 else f"{_SURE}: {seen}, negative in 0 of {facts.usable:,}, {sure}"]
    said += [_tail(name, tail) for name, tail in (("lower", lower), ("upper", upper)) if name == "upper" or low < 0]
    ends = [lower.end, upper.end]
    if kind.type == "integer":
        ends = [None if end is None else float(outward(end)) for end, outward in zip(ends, (floor, ceil), strict=True)]
    return Setting("range", flow(ends), "; ".join(said))


def _tail(name: str, tail: Tail) -> str:
    if tail.end is None:
        return f"{name} end open: the tail is too heavy to say (index {tail.index:.1f})"
    return f"{name} end by the tail (index {min(tail.index, 99):.0f}): beyond it once in 1,000 such samples"


def _allowed(facts: Facts, kind: Kind) -> Setting | None:
    """Return the list of values of a field that shows few, all of them often."""
    if kind.role not in (Role.CATEGORY, Role.CODE, Role.CONSTANT) or kind.type in ("boolean", "number", "text"):
        return None
    if facts.distinct > _MOST_ALLOWED or any(len(str(value)) > _LONGEST_ALLOWED for value, _ in facts.counts):
        return None
    values = sorted((value for value, _ in facts.counts), key=lambda v: (isinstance(v, str), v))
    listed = flow(int(value) if isinstance(value, float) else value for value in values)
    seen = f"each was seen at least {facts.rarest:,} times in {facts.usable:,} values"
    if kind.role is Role.CONSTANT:
        return Setting("allowed", listed, "the only value of the sample; make it a rule if it is one", active=False)
    if facts.usable < _CATEGORY_ROWS or facts.rarest < _SEEN_OFTEN:
        once = sum(n == 1 for _, n in facts.counts)
        why = f"{seen}, {once} only once: about {once / max(facts.usable, 1):.3%} of rows hold a new one (Good-Turing)"
        return Setting("allowed", listed, why, active=False)
    rare = _ratio(none_seen_ratio(facts.usable))
    if facts.fleeting:
        why = f"{seen}, but values come and go with time ({facts.fleeting}); make it a rule if it is one"
        return Setting("allowed", listed, why, active=False)
    return Setting("allowed", listed, f"{_SURE}: {seen}; one that is missing here is in fewer than {rare}")


def _drift_off(kind: Kind) -> str | None:
    reasons = {
        Role.IDENTIFIER: "identifiers have no distribution to keep",
        Role.TREND: "every window differs from the baseline in what follows time",
    }
    if kind.role is Role.CONSTANT and kind.type in ("number", "integer"):
        return "of a constant there is one cell, which cannot drift"
    return reasons.get(kind.role)


def _ratio(ratio: float) -> str:
    """Return a small share as `1 in 10,857 rows`."""
    return f"1 in {int(1 / ratio):,} rows" if 0 < ratio < 1 else "all rows"
