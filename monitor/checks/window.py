"""What a check of a whole window sees, and what it says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from monitor.protocols import State
from monitor.types import FieldType, IntArray, Level


@dataclass(frozen=True, eq=False)
class WindowView:
    """A window as its checks see it: what was accumulated, and what the baseline has.

    `accumulators` and `baseline` hold accumulators by Spec, with the groups on their leading axis; `unknown_fields`
    the names that no configured path begins with, and where each was seen first; `known_fields` those that the
    baseline's records had. `expected_rows` is what the baseline's same hours would bring, None where it is unknown.
    `memory` is the check's own, JSON-able, handed to it at every window in event time; it may change it.
    """

    start_ms: int
    end_ms: int
    rows: int
    late_rows: int = 0
    groups: int = 1
    accumulators: Mapping[Any, Any] = field(default_factory=dict)
    baseline: Mapping[Any, Any] | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown_fields: Mapping[str, str] = field(default_factory=dict)
    known_fields: frozenset[str] | None = None
    expected_rows: float | None = None
    memory: State = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What a check found in one group: level and reason, the measured value, the rows and further numbers behind it.

    `evidence` names, for a person, what makes it so.
    """

    level: Level
    reason: str
    value: float | None = None
    rows: int = 0
    group: int = 0
    details: Mapping[str, float] = field(default_factory=dict)
    evidence: str = ""


class WindowCheck(Protocol):
    """An expectation of a window as a whole; its Spec has name, severity, and perhaps a field."""

    @property
    def spec(self) -> Any:
        """What it was configured with."""
        ...

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Specs of the accumulators that it reads, given the configured fields."""
        ...

    def judge(self, view: WindowView) -> list[Finding]:
        """Return what it finds, one for each group that it judges; never raises on empty input."""
        ...


def graded(counts: IntArray, group: int, spec: Any, value: float, problem: str) -> Finding:
    """Return the finding of a group with that many rows: unknown below `spec.min_rows`, else by the problem.

    An empty `problem` is ok; any other is the reason of a finding at the Spec's severity.
    """
    rows = int(counts[group])
    if rows < spec.min_rows:
        return Finding(Level.UNKNOWN, "too few rows" if rows else "no rows", None, rows, group)
    level = Level[spec.severity.upper()] if problem else Level.OK
    return Finding(level, problem or "ok", value, rows, group)
