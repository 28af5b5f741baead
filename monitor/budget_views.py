"""What a snapshot says of a budget of false pages: of the whole of it, and of one verdict's evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BudgetEvidence:
    """What speaks for a change in a verdict's stream: `ratio` is the evidence over what an alarm takes.

    `p_value` is that of the last slot among the stream's own calm ones. While an alarm holds, `ratio` is that of the
    alarm, `onset_ms` the slot from which on the evidence grew, and `also` names what else moved.
    """

    ratio: float
    p_value: float | None = None
    onset_ms: int | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class BudgetView:
    """The budget of false pages: so many are `promised` at most `per_ms` of event time, so many pages were `spent`.

    `run_length_ms` is the time to a false page that is expected at least; `audit_ratio` the false alarms over those
    promised, in history drawn anew; `not_armed` counts streams by reason.
    """

    promised: float
    per_ms: int
    spent: int
    run_length_ms: float
    audit_ratio: float | None
    armed: int
    not_armed: Mapping[str, int]
