"""The trailing baseline: the sum of the last windows that were in control, decided for each unit by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.baseline.kept import KeptPlan, Statistics, Unit
from monitor.baseline.ring import Ring, RingRules
from monitor.baseline.ring_correlation import RingCorrelation
from monitor.baseline.view import BaselineChange, BaselineView
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.types import Level, PresenceArray

LEARNING_REASON = "learning"


class TrailingKeeper:
    """Compares a window with the sum of the last ones; see `Ring` for which.

    Of sliding windows only those that begin at a multiple of `size_ms` can join, so that no row counts twice; the
    verdicts of all of them make a unit suspect. Windows without a known verdict on a unit neither join nor count.
    Rows that come after a window was judged are not in the reference: it is what was judged.

    The sum is taken anew, oldest window first, whenever the members change: equal members, equal reference, to the
    bit. Memory: `size + quarantine` windows (and `accept_after`, at most `size`) of every unit, twice.
    """

    def __init__(self, plan: KeptPlan, rules: RingRules, *, size_ms: int) -> None:
        """Start with no window kept."""
        self._plan, self._rules, self._size_ms = plan, rules, size_ms
        self._rings = {unit: Ring(rules) for unit in plan.units}
        self._kept: dict[tuple[int, Unit], Statistics] = {}
        self._packed: dict[tuple[int, Unit], PresenceArray] = {}
        self._serial = 0
        self._sums: dict[Unit, tuple[tuple[int, ...], Statistics]] = {}
        self._correlation = RingCorrelation(plan, rules.size)
        self._view: BaselineView | None = None

    def view(self, start_ms: int, end_ms: int) -> BaselineView:
        """Return the reference as it is now, the same for any window."""
        if self._view is None:
            self._view = BaselineView(
                {spec: total for unit in self._rings for spec, total in self._sum(unit).items()},
                {spec: rho for unit in self._rings for spec, rho in self._correlation.of(unit).items()},
                version=self._plan.version,
                learning=frozenset(
                    spec for unit, ring in self._rings.items() if ring.learning for spec in self._plan.units[unit]
                ),
                windows={unit: len(ring.members) for unit, ring in self._rings.items()},
                suspect=frozenset(unit for unit, ring in self._rings.items() if ring.suspect),
            )
        return self._view

    def _sum(self, unit: Unit) -> Statistics:
        """Return the sum of a unit's members, the one made before while they are the same."""
        members = tuple(self._rings[unit].members)
        if unit not in self._sums or self._sums[unit][0] != members:
            self._sums[unit] = (members, self._plan.summed(unit, (self._kept[serial, unit] for serial in members)))
        return self._sums[unit][1]

    def hear(self, window: Any) -> Sequence[BaselineChange]:
        """Take a judged window into quarantine, or hold it against the units that it breaches."""
        if window.profile is None:
            return ()
        self._view = None
        joins = window.start_ms % self._size_ms == 0
        copies = self._plan.copied(window.profile) if joins else {}
        changes = []
        for unit, levels in self._levels(window).items():
            ring = self._rings[unit]
            breach = max(levels, default=Level.OK) >= Level.WARNING
            if breach and not joins:
                ring.calm = 0
            if unit not in copies or (levels and max(levels) is Level.UNKNOWN and not ring.learning):
                continue
            self._keep(unit, copies[unit])
            before = list(ring.members)
            accepted = ring.hear(self._serial, breach=breach)
            if ring.members != before:
                self._correlation.hear(unit, [self._kept[serial, unit] for serial in ring.members], anew=accepted)
            if accepted:
                why = f"accepted after {self._rules.accept_after} windows"
                changes.append(BaselineChange(window.end_ms, why, unit))
        self._serial += 1
        self._forget()
        return changes

    def _levels(self, window: Any) -> dict[Unit, list[Level]]:
        """Return the levels of a window's verdicts on each unit; none where nobody judges it."""
        found: dict[Unit, list[Level]] = {unit: [] for unit in self._rings}
        for verdict in window.verdicts:
            unit = self._plan.watched.get((verdict.field, verdict.detector))
            if unit is not None:
                found[unit].append(verdict.level)
        return found

    def _keep(self, unit: Unit, statistics: Statistics) -> None:
        self._kept[self._serial, unit] = statistics
        self._packed[self._serial, unit] = self._plan.packed(statistics)

    def _forget(self) -> None:
        """Let go the windows that no ring holds any more."""
        held = {unit: ring.held for unit, ring in self._rings.items()}
        for key in [key for key in self._kept if key[0] not in held[key[1]]]:
            del self._kept[key], self._packed[key]

    def state(self) -> State:
        """Return the rings, and each window's statistics under a name that never means anything else."""
        return {
            "serial": self._serial,
            "correlation": self._correlation.state(),
            "rings": {unit: ring.state() for unit, ring in self._rings.items()},
            "sealed": {f"{serial}/{unit}": packed for (serial, unit), packed in self._packed.items()},
        }

    def load(self, state: State) -> None:
        """Continue from `state`; a unit whose cuts, segments or Specs have changed starts learning anew."""
        rings, sealed = state.get("rings"), state.get("sealed")
        if not isinstance(rings, dict) or not isinstance(sealed, dict):
            raise StoreError("the stored trailing baseline is damaged; reset the checkpoint")
        self._serial = int(state.get("serial", 0))
        self._view = None
        self._correlation.load(state.get("correlation", {}))
        for unit, ring in self._rings.items():
            if unit not in rings:
                continue
            ring.load(rings[unit])
            for serial in ring.held:
                packed = sealed.get(f"{serial}/{unit}")
                statistics = None if packed is None else self._plan.unpacked(unit, packed)
                if packed is None or statistics is None:
                    ring.drop({serial})
                    continue
                self._kept[serial, unit], self._packed[serial, unit] = statistics, packed
