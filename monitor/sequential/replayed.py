"""A river detector whose memory survives a checkpoint: the bounded history of its inputs, replayed."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import Sequential, State


def _nothing(_: Any) -> float | None:
    return None


def _always(_: Sequence[float]) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """What is particular to a detector of river.

    `make` returns a new one; `keep` is how many inputs a rebuilt one is made from; `ready` says of the history
    whether it could find anything yet. `flip`: river takes 1 for what we call 0. `statistic` reads the number that is
    held against a threshold, signed where it has a direction; `p_value` the p-value. Both may be None.
    """

    make: Callable[[], Any]
    keep: int
    ready: Callable[[Sequence[float]], bool] = _always
    statistic: Callable[[Any], float | None] = _nothing
    p_value: Callable[[Any], float | None] = _nothing
    flip: bool = False


class Replayed(Sequential):
    """A detector of river with a memory that can be stored.

    River gives no state, so ours is the inputs since the last change: at any time the detector equals a new one that
    was given `history` in order. That it stays bounded is part of the live detector, not of loading: with 2 * `keep`
    inputs and no change it is rebuilt from the last `keep`, and what it knew of those before is forgotten. After a
    change the history is empty and the detector new. So loading a state and going on is bit for bit going on.

    Not finite input is refused and counted: one NaN makes river's detectors blind for ever (measured in 0.26).
    Memory: 2 * `keep` floats. Cost: one river update; a rebuild is `keep` of them, once in `keep` inputs; loading is
    at most 2 * `keep`.
    """

    def __init__(self, kind: Kind) -> None:
        """Start without an input."""
        self.kind = kind
        self.history: list[float] = []
        self.refused = 0
        self._detector: Any = kind.make()

    @property
    def state_bytes(self) -> int:
        """The size of the longest state, in bytes."""
        return 2 * self.kind.keep * 8 * 4 // 3

    @property
    def ready(self) -> bool:
        """Whether it has had enough inputs to find a change."""
        return self.kind.ready(self.history)

    @property
    def warning(self) -> bool:
        """Whether river calls this the warning zone."""
        return bool(getattr(self._detector, "warning_detected", False))

    @property
    def statistic(self) -> float | None:
        """The detector's own number after the last input; None where it has none."""
        return self.kind.statistic(self._detector)

    @property
    def p_value(self) -> float | None:
        """The p-value of the last input's test; None where there is none."""
        return self.kind.p_value(self._detector)

    def takes(self, value: float) -> bool:
        """Return whether a value is finite; count it if not."""
        if math.isfinite(value):
            return True
        self.refused += 1
        return False

    def update(self, value: float) -> bool:
        """Take the next value; return whether a change was found. `restart` must follow where it was."""
        if not self.takes(value):
            return False
        value = float(value) + 0.0  # -0.0 becomes 0.0, which a state may hold as a bit
        self.history.append(value)
        self._feed(value)
        if self._detector.drift_detected:
            return True
        if len(self.history) >= 2 * self.kind.keep:
            self._rebuild(self.history[-self.kind.keep :])
        return False

    def restart(self, history: Sequence[float] = ()) -> None:
        """Forget everything but how many values were refused; begin with `history`, in which nothing is found.

        Of a history that is too long the last `keep` values are taken.
        """
        keep = self.kind.keep
        self._rebuild([value + 0.0 for value in (history if len(history) < 2 * keep else history[-keep:])])

    def state(self) -> State:
        """Return the history, exact and JSON-able."""
        return {**packed(self.history), "refused": self.refused}

    def load(self, state: State) -> None:
        """Replay the history of `state`; raises StoreError when it is damaged or longer than it can be."""
        try:
            history, refused = unpacked(state), int(state["refused"])
        except DAMAGE as error:
            raise StoreError(f"a stored series is damaged ({error}); reset the checkpoint") from error
        if len(history) >= 2 * self.kind.keep or not np.isfinite(history).all():
            raise StoreError("a stored series is damaged; reset the checkpoint")
        self.refused = refused
        self._rebuild(history)

    def _rebuild(self, history: list[float]) -> None:
        """Become a new detector that was given `history`; what it finds in there is old news."""
        self.history = history
        self._detector = self.kind.make()
        for value in history:
            self._feed(value)

    def _feed(self, value: float) -> None:
        self._detector.update(1.0 - value if self.kind.flip else value)


def packed(values: Sequence[float]) -> State:
    """Return finite numbers as one text: of bits where all are 0 or 1, else base64 of little-endian float64."""
    if all(value in (0.0, 1.0) for value in values):
        return {"bits": "".join("1" if value else "0" for value in values)}
    return {"values": base64.b64encode(np.array(values, "<f8").tobytes()).decode()}


def unpacked(state: State) -> list[float]:
    """Return what `packed` was given, with 0.0 for -0.0; raises KeyError, TypeError or ValueError on damage."""
    if "bits" in state:
        return [float("01".index(bit)) for bit in state["bits"]]
    found: list[float] = np.frombuffer(base64.b64decode(state["values"], validate=True), "<f8").tolist()
    return found
