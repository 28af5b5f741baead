"""One series: its warm-up, its detector, and the level of each of its windows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from monitor.errors import StoreError
from monitor.protocols import State
from monitor.sequential.replayed import Replayed
from monitor.sequential.split import best_split
from monitor.sequential.standard import Standard, standard_of
from monitor.types import Level

WARMING_UP: Final = "warming up"
NOT_FINITE: Final = "not finite"
CHANGE: Final = "change found"
HELD: Final = "held after a change"
ZONE: Final = "warning zone"
_RATIOS = frozenset({"missing_ratio", "invalid_ratio", "failure_ratio"})


@dataclass(frozen=True)
class Change:
    """The last change of a series: its mean before and after, as the values are, and how many windows it took."""

    before: float
    after: float
    windows: int


@dataclass(frozen=True)
class Heard:
    """What a series says of one window.

    `windows` is how many the detector has heard since the last change; `change` is there while a change has its level.
    """

    level: Level
    reason: str
    score: float | None = None
    p_value: float | None = None
    direction: int | None = None
    windows: int = 0
    change: Change | None = None

    def state(self) -> State:
        """Return it as JSON-able values."""
        return asdict(self) | {"level": int(self.level)}

    @classmethod
    def of(cls, state: State) -> Heard:
        """Return what `state` describes; raises StoreError on damage."""
        try:
            change = state["change"]
            return cls(
                **state | {"level": Level(state["level"]), "change": None if change is None else Change(**change)}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"a stored series is damaged ({error}); reset the checkpoint") from error


NOTHING: Final = Heard(Level.UNKNOWN, WARMING_UP)
"""What a series says before its first window."""


class Stream:
    """Takes one value a window and returns its level; a pure state machine.

    Of a series of numbers the first `warm_up` windows set the standard (see `standard_of`), are then given to the
    detector themselves, and what it finds in them is no change. A 0/1 series is given as it is. After a change both
    begin anew, with the level that was found. Levels: UNKNOWN while warming up, of a value that is not finite, and
    before the detector can find anything; `severity` for the window of a change and `hold` windows after it; WARNING in
    the warning zone; else OK. Cost: that of `Replayed.update`.
    """

    def __init__(self, spec: Any) -> None:
        """Start without a window; `spec` is a member of `SequentialSpec`."""
        self._spec = spec
        self._first: list[float] = []
        self._standard: Standard | None = None
        self._detector: Replayed = spec.build()
        self._held = 0
        self._change: Change | None = None

    @property
    def refused(self) -> int:
        """How many values were not finite."""
        return self._detector.refused

    def hear(self, value: float) -> Heard:
        """Take the value of the next window."""
        if not self._detector.takes(value):
            return Heard(Level.UNKNOWN, NOT_FINITE, windows=len(self._detector.history))
        if self._spec.binary:
            return self._judged(value, found=self._detector.update(value))
        if self._standard is None:
            self._first.append(value)
            if len(self._first) == self._spec.warm_up:
                self._begin()
            return self._judged(value, found=False)
        return self._judged(value, found=self._detector.update(self._standard.value(value, self._spec.clip)))

    def _begin(self) -> None:
        """End the warm-up."""
        refused = self._detector.refused
        self._standard = standard_of(self._first, ratio=self._spec.statistic in _RATIOS)
        self._detector = self._spec.build(self._standard.tau)
        self._detector.refused = refused
        self._detector.restart([self._standard.value(value, self._spec.clip) for value in self._first])
        self._first = []

    def _judged(self, value: float, *, found: bool) -> Heard:
        """Return the level of the window whose value the detector has just taken."""
        detector = self._detector
        score, direction = self._score(value)
        p_value, windows = detector.p_value, len(detector.history)
        if found:
            self._change = self._changed()
            self._held = self._spec.hold
            direction = (self._change.after > self._change.before) - (self._change.after < self._change.before)
            level, reason = Level[self._spec.severity.upper()], CHANGE
            self._restart()
        elif self._held:
            self._held -= 1
            level, reason = Level[self._spec.severity.upper()], HELD
        elif (self._standard is None and not self._spec.binary) or not detector.ready:
            level, reason = Level.UNKNOWN, WARMING_UP
        elif detector.warning:
            level, reason = Level.WARNING, ZONE
        else:
            level, reason = Level.OK, "ok"
        change = self._change if reason in (CHANGE, HELD) else None
        return Heard(level, reason, score, p_value, direction, windows, change)

    def _score(self, value: float) -> tuple[float | None, int | None]:
        """Return the detector's own number, or how far the window is from the level, as magnitude and sign."""
        history = self._detector.history
        if self._spec.binary:
            return sum(history) / len(history), None
        if self._standard is None:
            return None, None
        signed = self._detector.statistic
        if signed is None:
            signed = history[-1]
        return abs(signed), (signed > 0) - (signed < 0)

    def _changed(self) -> Change:
        """Return what a person has to know of the change that was just found."""
        history = self._detector.history
        if len(history) < 2:
            return Change(0.0, history[0], 1)
        split = best_split(history)
        if self._standard is None:
            return Change(*split)
        level, scale = self._standard.median, self._standard.scale
        return Change(level + scale * split.before, level + scale * split.after, split.since)

    def _restart(self) -> None:
        """Begin anew, with the level that was found."""
        self._standard = None
        self._first = []
        self._detector.restart()

    def state(self) -> State:
        """Return everything needed to continue, exact and JSON-able."""
        return {
            "first": list(self._first),
            "standard": None if self._standard is None else asdict(self._standard),
            "held": self._held,
            "change": None if self._change is None else asdict(self._change),
            **self._detector.state(),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError on damage."""
        try:
            self._first = [float(value) for value in state["first"]]
            standard, change = state["standard"], state["change"]
            self._standard = None if standard is None else Standard(**standard)
            self._change = None if change is None else Change(**change)
            self._held = int(state["held"])
            self._detector = self._spec.build() if self._standard is None else self._spec.build(self._standard.tau)
            self._detector.load(state)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise StoreError(f"a stored series is damaged ({error}); reset the checkpoint") from error
