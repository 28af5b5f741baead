"""The records must have the fields that they used to have, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from monitor.accumulators import PresenceSpec
from monitor.checks.naming import CheckName
from monitor.checks.window import Finding, WindowView
from monitor.spec import Spec
from monitor.types import FieldType, IntArray, Level, Presence

_MAX_KNOWN = 1000
_SHOWN = 5


class SchemaSpec(Spec):
    """Fails a window in which the records' shape changed: a new field, a vanished one, or one of another type.

    New: a top-level name that no configured field begins with and that neither the baseline nor an earlier window
    had; it is news for one window. Vanished: a configured field that is absent from every row, and was not in the
    baseline. Type change: more than half of a field's values are of the wrong type, which was not so in the
    baseline.
    """

    example: ClassVar[str] = """
        fields:
          amount: {type: number}
        checks:
          - {kind: schema, ignore: [debug], severity: warning}
    """

    kind: Literal["schema"] = "schema"
    name: CheckName = "schema"
    new_fields: bool = Field(default=True, description="whether a new field is a failure")
    vanished_fields: bool = Field(default=True, description="whether a field that is gone is a failure")
    type_changes: bool = Field(default=True, description="whether a field of another type is a failure")
    ignore: tuple[str, ...] = Field(default=(), description="names that may come, go and change")
    min_rows: int = Field(default=20, ge=1, description="with fewer rows nothing is judged")
    severity: Literal["warning", "critical"] = Field(default="critical", description="the level of a failure")

    def build(self) -> Schema:
        """Return the check."""
        return Schema(self)


@dataclass(frozen=True)
class Schema:
    """Judges presence counts and unknown names of all rows. It remembers up to 1000 names that it has seen.

    Without a baseline, the names of the first window are known, and a field that is absent from it is vanished.
    """

    spec: SchemaSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the presence counts of every field."""
        return tuple(PresenceSpec(field=path) for path in fields)

    def judge(self, view: WindowView) -> list[Finding]:
        """Return one finding, its value the number of changes; unknown below `min_rows`."""
        if view.rows < self.spec.min_rows:
            return [Finding(Level.UNKNOWN, "too few rows" if view.rows else "no rows", None, view.rows)]
        changes = [*self._new(view), *self._changed(view)]
        if not changes:
            return [Finding(Level.OK, "ok", 0.0, view.rows)]
        more = f"; and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
        level = Level[self.spec.severity.upper()]
        return [Finding(level, "; ".join(changes[:_SHOWN]) + more, float(len(changes)), view.rows)]

    def _new(self, view: WindowView) -> list[str]:
        """Return the names that are new, which are known from now on."""
        before = view.memory.get("known")
        known = {*(before or ()), *(view.known_fields or ()), *self.spec.ignore}
        learning = before is None and view.known_fields is None
        fresh = [name for name in sorted(view.unknown_fields) if name not in known]
        view.memory["known"] = sorted({*(before or ()), *fresh})[:_MAX_KNOWN]
        if learning or not self.spec.new_fields:
            return []
        return [f"new field {name[:64]!r}, first at {view.unknown_fields[name]}" for name in fresh]

    def _changed(self, view: WindowView) -> list[str]:
        changes = []
        for need in self._watched(view):
            before = view.baseline.get(need) if view.baseline is not None else None
            now = view.accumulators[need].counts[0]
            if (
                self.spec.vanished_fields
                and _vanished(now)
                and not (before is not None and _vanished(before.counts[0]))
            ):
                changes.append(f"field {need.field!r} is gone")
            elif self.spec.type_changes and _other(now) and not (before is not None and _other(before.counts[0])):
                changes.append(f"field {need.field!r} is of another type")
        return changes

    def _watched(self, view: WindowView) -> list[PresenceSpec]:
        ignored = set(self.spec.ignore)
        return [need for need in view.accumulators if isinstance(need, PresenceSpec) and need.field not in ignored]


def _vanished(counts: IntArray) -> bool:
    """Return whether the field is absent from all rows, at least one."""
    return bool(0 < counts.sum() == counts[Presence.ABSENT])


def _other(counts: IntArray) -> bool:
    """Return whether more than half of the rows that have a value have one of the wrong type."""
    valued = counts.sum() - counts[Presence.ABSENT] - counts[Presence.NULL]
    return bool(valued and counts[Presence.WRONG_TYPE] > valued / 2)
