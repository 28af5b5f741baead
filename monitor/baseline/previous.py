"""The baseline that is the window before: it flags a change when it comes, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.accumulators import AccumulatorSpec
from monitor.baseline.kept import KeptPlan, Statistics, Unit
from monitor.baseline.view import BaselineChange, BaselineView
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.types import PresenceArray

NO_PREVIOUS = "no previous window"


class PreviousKeeper:
    """Compares a window with the one that ended where it begins; without that one, verdicts are unknown.

    Of sliding windows, which overlap, those that begin at a multiple of `size_ms` are kept, and a window is compared
    with the last of them that ended at or before its start, less than `size_ms` ago. Two windows are kept.
    """

    def __init__(self, plan: KeptPlan, *, size_ms: int) -> None:
        """Start with no window kept."""
        self._plan, self._size_ms = plan, size_ms
        self._kept: dict[int, dict[Unit, Statistics]] = {}
        self._packed: dict[tuple[int, Unit], PresenceArray] = {}
        self._serials: dict[int, int] = {}
        self._serial = 0

    def view(self, start_ms: int, end_ms: int) -> BaselineView:
        """Return the window before, or why there is none."""
        ends = [end for end in self._kept if start_ms - self._size_ms < end <= start_ms]
        kept = self._kept[max(ends)] if ends else {}
        accumulators: dict[AccumulatorSpec, Any] = {}
        lacking: set[AccumulatorSpec] = set()
        for unit, specs in self._plan.units.items():
            accumulators.update(kept[unit] if unit in kept else self._plan.summed(unit, ()))
            lacking |= set() if unit in kept else set(specs)
        return BaselineView(
            accumulators,
            self._plan.rho,
            version=self._plan.version,
            unknown="" if kept else NO_PREVIOUS,
            learning=frozenset(lacking),
        )

    def hear(self, window: Any) -> Sequence[BaselineChange]:
        """Keep the window, and let go the last but one."""
        if window.profile is None or window.start_ms % self._size_ms:
            return ()
        kept = self._plan.copied(window.profile)
        self._kept[window.end_ms], self._serials[window.end_ms] = kept, self._serial
        self._packed |= {(window.end_ms, unit): self._plan.packed(found) for unit, found in kept.items()}
        self._serial += 1
        for end in sorted(self._kept)[:-2]:
            del self._kept[end], self._serials[end]
        self._packed = {key: packed for key, packed in self._packed.items() if key[0] in self._kept}
        return ()

    def state(self) -> State:
        """Return the windows' statistics, each under a name that never means anything else."""
        return {
            "serial": self._serial,
            "ends": {str(end): serial for end, serial in self._serials.items()},
            "sealed": {f"{self._serials[end]}/{unit}": packed for (end, unit), packed in self._packed.items()},
        }

    def load(self, state: State) -> None:
        """Continue from `state`; what is of other cuts, segments or Specs is left out."""
        ends, sealed = state.get("ends"), state.get("sealed")
        if not isinstance(ends, dict) or not isinstance(sealed, dict):
            raise StoreError("the stored previous window is damaged; reset the checkpoint")
        self._serial = int(state.get("serial", 0))
        for end, serial in sorted((int(end), int(serial)) for end, serial in ends.items()):
            self._kept[end], self._serials[end] = {}, serial
            for unit in self._plan.units:
                packed = sealed.get(f"{serial}/{unit}")
                found = None if packed is None else self._plan.unpacked(unit, packed)
                if packed is not None and found is not None:
                    self._kept[end][unit], self._packed[end, unit] = found, packed
