"""What one window is compared with, and who keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from monitor.accumulators import AccumulatorSpec
from monitor.baseline.model import Baseline
from monitor.protocols import State
from monitor.types import Correlation


@dataclass(frozen=True, eq=False)
class BaselineView:
    """The reference statistics for one window; nobody changes them any more, the keeper included.

    `accumulators` are on the same frames and groups as the window's; `rho` is, where it is known, the correlation of
    two rows of one window, by the Spec of what is compared. `unknown` says why there is nothing to compare with yet,
    and is empty when there is; `version` names what was used. `learning` are the Specs of which the keeper does not
    know enough yet, so that their verdicts are unknown while the others' are not. `windows` and `suspect` say, of a
    reference that is made of windows, how many it has of each unit and which units are frozen; empty of others.
    """

    accumulators: Mapping[AccumulatorSpec, Any]
    rho: Mapping[AccumulatorSpec, Correlation] = field(default_factory=dict)
    version: str = ""
    unknown: str = ""
    learning: frozenset[AccumulatorSpec] = frozenset()
    windows: Mapping[str, int] = field(default_factory=dict)
    suspect: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BaselineChange:
    """A keeper's decision to compare with something else from now on: when (event time), why, and of which unit."""

    at_ms: int
    reason: str
    unit: str = ""


class BaselineKeeper(Protocol):
    """Says what each window is compared with; one that learns hears of every window after it was judged."""

    def view(self, start_ms: int, end_ms: int) -> BaselineView:
        """Return what the window [start, end) is compared with."""
        ...

    def hear(self, window: Any) -> Sequence[BaselineChange]:
        """Take a judged window (a `WindowResult`) that is not unknown as a whole, in their order.

        Its profile may be kept only as a copy. Returns what changes by it, as a decision and not as a matter of course.
        """
        ...

    def state(self) -> State:
        """Return everything needed to continue, as JSON-able values."""
        ...

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        ...


class FixedKeeper:
    """Compares every window with the same baseline."""

    def __init__(self, baseline: Baseline) -> None:
        """Keep this baseline for ever."""
        self._view = view_of(baseline)

    def view(self, start_ms: int, end_ms: int) -> BaselineView:
        """Return the baseline."""
        return self._view

    def hear(self, window: Any) -> Sequence[BaselineChange]:
        """Learn nothing."""
        return ()

    def state(self) -> State:
        """Return nothing: the baseline has its own file."""
        return {}

    def load(self, state: State) -> None:
        """Take nothing."""


def view_of(baseline: Baseline) -> BaselineView:
    """Return the whole baseline as what a window is compared with."""
    rho = {} if baseline.correlation is None else baseline.correlation.rho
    return BaselineView(baseline.profile.accumulators, rho, baseline.version)
