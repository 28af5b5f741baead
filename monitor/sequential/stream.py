"""One series: its warm-up, its detector, and the level of each of its windows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.sequential.replayed import Replayed, packed, unpacked
from monitor.sequential.split import changed_since
from monitor.sequential.standard import Standard, middle, standard_of
from monitor.types import Level

WARMING_UP: Final = "warming up"
NOT_FINITE: Final = "not finite"
CHANGE: Final = "change found"
HELD: Final = "held after a change"
ZONE: Final = "warning zone"
_RATIOS = frozenset({"missing_ratio", "invalid_ratio", "failure_ratio"})


@dataclass(frozen=True)
class Change:
    """The last change of a series, in its own units, and how many windows it took to find it.

    `before` and `after` are medians of the windows; of a 0/1 series they are the shares of ones.
    """

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
        except DAMAGE as error:
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
        self._values: list[float] = []
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
        self._values.append(float(value) + 0.0)
        if self._standard is None and not self._spec.binary:
            if len(self._values) == self._spec.warm_up:
                self._begin(standard_of(self._values, ratio=self._spec.statistic in _RATIOS))
            return self._judged(value, found=False)
        found = self._detector.update(self._given(value))
        if len(self._values) > len(self._detector.history):  # it was rebuilt, and has forgotten the first
            self._values = self._values[-len(self._detector.history) :]
        return self._judged(value, found=found)

    def _given(self, value: float) -> float:
        """Return what the detector is given for a value."""
        return value if self._standard is None else self._standard.value(value, self._spec.clip)

    def _begin(self, standard: Standard) -> None:
        """Have a detector for this standard that was given all values."""
        refused = self._detector.refused
        self._standard = standard
        self._detector = self._spec.build(standard.tau)
        self._detector.refused = refused
        self._detector.restart([self._given(value) for value in self._values])
        self._values = self._values[-len(self._detector.history) :]

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
            return history.count(1.0) / len(history), None
        if self._standard is None:
            return None, None
        signed = self._detector.statistic
        if signed is None:
            signed = history[-1]
        return abs(signed), (signed > 0) - (signed < 0)

    def _changed(self) -> Change:
        """Return what a person has to know of the change that was just found."""
        if len(self._values) < 2:
            return Change(0.0, self._values[0], 1)
        # Where it was is asked of what the detector was given, or one wild window would be the answer.
        since = changed_since(self._detector.history)
        before, after = self._values[:-since], self._values[-since:]
        if self._spec.binary:
            return Change(sum(before) / len(before), sum(after) / len(after), since)
        return Change(middle(before), middle(after), since)

    def _restart(self) -> None:
        """Begin anew, with the level that was found."""
        self._standard = None
        self._values = []
        self._detector.restart()

    def state(self) -> State:
        """Return everything needed to continue, exact and JSON-able."""
        return {
            **packed(self._values),
            "standard": None if self._standard is None else asdict(self._standard),
            "refused": self.refused,
            "held": self._held,
            "change": None if self._change is None else asdict(self._change),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError on damage."""
        try:
            self._values = unpacked(state)
            standard, change = state["standard"], state["change"]
            self._change = None if change is None else Change(**change)
            self._held = int(state["held"])
            self._standard = None if standard is None else Standard(**standard)
            self._detector = self._spec.build() if self._standard is None else self._spec.build(self._standard.tau)
            given = self._values if self._spec.binary or self._standard is not None else []
            history = packed([self._given(value) for value in given])
            self._detector.load({**history, "refused": state["refused"]})
        except DAMAGE as error:
            raise StoreError(f"a stored series is damaged ({error}); reset the checkpoint") from error
