"""How the rows of one window correlate, estimated from the windows of a trailing baseline now and then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monitor.accumulators import AccumulatorSpec, PresenceSpec
from monitor.baseline.correlation import MIN_WINDOWS, estimate
from monitor.baseline.kept import KeptPlan, Statistics, Unit
from monitor.baseline.specs import COUNTED
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import Correlation, FloatArray

_PARTS = 8
_BUCKETS = 10


class RingCorrelation:
    """Estimates anew whenever an eighth of the windows has changed: an estimate costs a few milliseconds a Spec.

    With fewer than ten windows, the ruler's own correlation holds. What was estimated is part of the state, since the
    windows that it was estimated from may be gone.
    """

    def __init__(self, plan: KeptPlan, size: int) -> None:
        """Know nothing but the ruler's."""
        self._plan, self._every = plan, max(1, size // _PARTS)
        self._found: dict[Unit, dict[AccumulatorSpec, FloatArray]] = {}
        self._changes: dict[Unit, int] = {}

    def of(self, unit: Unit) -> Mapping[AccumulatorSpec, Correlation]:
        """Return what is known of the Specs of a unit."""
        ruler = {spec: self._plan.rho[spec] for spec in self._plan.units[unit] if spec in self._plan.rho}
        return ruler | self._found.get(unit, {})

    def hear(self, unit: Unit, parts: Sequence[Statistics], *, anew: bool) -> None:
        """Take note that the windows of a unit are these now, or quite others than before (`anew`)."""
        self._changes[unit] = self._changes.get(unit, 0) + 1
        if anew:
            self._found.pop(unit, None)
        if len(parts) < MIN_WINDOWS or (unit in self._found and self._changes[unit] < self._every):
            return
        self._changes[unit] = 0
        self._found[unit] = dict(self._estimates(unit, parts))

    def _estimates(self, unit: Unit, parts: Sequence[Statistics]) -> list[tuple[AccumulatorSpec, FloatArray]]:
        found: list[tuple[AccumulatorSpec, FloatArray]] = []
        for spec in self._plan.units[unit]:
            if isinstance(spec, COUNTED):
                estimated = estimate(np.stack([_cells(spec, part[spec]) for part in parts]))
                if estimated.known[0]:
                    found.append((spec, estimated.shrunk().cautious))
        return found

    def state(self) -> State:
        """Return the estimates by the identity of their Specs, as JSON-able values."""
        return {
            unit: {
                "changes": changes,
                "found": {self._plan.key(spec): rho.tolist() for spec, rho in self._found[unit].items()}
                if unit in self._found
                else None,
            }
            for unit, changes in self._changes.items()
        }

    def load(self, state: State) -> None:
        """Continue from `state`; what is of other Specs, cuts or segments is left out. Raises StoreError on damage."""
        for unit, specs in self._plan.units.items():
            if unit not in state:
                continue
            try:
                found = state[unit]["found"]
                self._changes[unit] = int(state[unit]["changes"])
                if found is not None:
                    known = {self._plan.key(spec): spec for spec in specs}
                    self._found[unit] = {known[k]: np.array(rho, np.float64) for k, rho in found.items() if k in known}
            except DAMAGE as error:
                raise StoreError(f"the stored trailing baseline is damaged ({error}); reset the checkpoint") from error


def _cells(spec: AccumulatorSpec, accumulator: Any) -> Any:
    return accumulator.counts if isinstance(spec, PresenceSpec) else accumulator.cells(_BUCKETS)
