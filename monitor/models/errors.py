"""The error stream: a detector of concept drift that is given the errors of a pane's rows in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import FloatArray

_KEPT_BITS = 1 << 20
_KEPT_NUMBERS = 1 << 16
_KEPT_KSWIN = 1 << 12


@dataclass(frozen=True)
class HeardErrors:
    """What a detector said of one pane: changes found, whether it ended in the warning zone, rows and their errors."""

    changes: int = 0
    zone: bool = False
    rows: int = 0
    total: float = 0.0
    change_ms: int | None = None

    def plus(self, other: HeardErrors) -> HeardErrors:
        """Return what it said of two panes on end."""
        return HeardErrors(
            self.changes + other.changes,
            other.zone,
            self.rows + other.rows,
            self.total + other.total,
            self.change_ms if self.change_ms is not None else other.change_ms,
        )


class ErrorStream:
    """Steps one of river's detectors through errors; equal to river's own run over them.

    River gives no state, so ours is what it was given since the last change, replayed: after a change river's own
    detectors begin anew. A history without a change is bounded: at twice H values the detector is rebuilt from the last
    H (H is 1,048,576 rights and wrongs, kept as bits; 65,536 numbers; 4,096 for KSWIN), which is part of the live
    detector and not of loading, so loading and going on is going on, bit for bit. Memory: at most 2 MiB. Cost a
    row: about 0.3 µs (ADWIN) to 1.5 µs (HDDM-W), and of KSWIN 400; loading replays the history at that price.
    """

    def __init__(self, spec: Any) -> None:
        """Start without a row; `spec` is a member of `ErrorDetectorSpec`."""
        self.spec = spec
        self._bits = True
        self._detector: Any = spec.make()()
        self._history: list[Any] = []
        self._n = 0

    @property
    def _kept(self) -> int:
        return _KEPT_KSWIN if self.spec.kind == "kswin" else _KEPT_BITS if self._bits else _KEPT_NUMBERS

    def hear(self, errors: FloatArray, times_ms: Any) -> HeardErrors:
        """Take the finite errors of a pane's rows, in their order, with their event times."""
        self._bits = self._bits and bool(((errors == 0) | (errors == 1)).all())
        changes = self._feed(errors)
        if changes:
            self._history, self._n = [], 0
        self._keep(errors[changes[-1] + 1 if changes else 0 :])
        first = int(times_ms[changes[0]]) if changes else None
        return HeardErrors(len(changes), self.zone, errors.size, float(errors.sum()), first)

    @property
    def zone(self) -> bool:
        """Whether river calls this its warning zone."""
        return bool(getattr(self._detector, "warning_detected", False))

    def _feed(self, errors: FloatArray) -> list[int]:
        """Return after which values a change was found."""
        values = (1.0 - errors if self.spec.flipped else errors).tolist()
        detector, found = self._detector, []
        update = detector.update
        for place, value in enumerate(values):
            update(value)
            if detector.drift_detected:
                found.append(place)
        return found

    def _keep(self, errors: FloatArray) -> None:
        self._history.append(self._small(errors))
        self._n += errors.size
        if self._n >= 2 * self._kept:
            self._rebuild(np.concatenate(self._history)[-self._kept :])

    def _rebuild(self, history: FloatArray) -> None:
        self._history, self._n = [self._small(history)], history.size
        self._detector = self.spec.make()()
        self._feed(history)

    def _small(self, errors: FloatArray) -> Any:
        """Return errors as they are kept: rights and wrongs as a byte each."""
        return errors.astype(np.uint8) if self._bits else errors

    def state(self) -> State:
        """Return the history since the last change."""
        history = np.concatenate([self._small(np.zeros(0)), *self._history])
        self._history = [history]
        packed = np.packbits(history) if self._bits else history
        return {"history": packed, "n": self._n, "bits": self._bits}

    def load(self, state: State) -> None:
        """Replay what `state` holds; raises StoreError where it does not fit."""
        try:
            self._bits = bool(state["bits"])
            self._rebuild(_unpacked(state))
        except DAMAGE as error:
            raise StoreError(f"a stored error stream is damaged ({error}); reset the checkpoint") from error


def _unpacked(state: State) -> FloatArray:
    """Return a stored history; raises KeyError, TypeError or ValueError where it is none."""
    n, stored = int(state["n"]), state["history"]
    history = np.unpackbits(stored, count=n).astype(np.float64) if state["bits"] else stored.astype(np.float64)
    if history.size != n or (state["bits"] and stored.size != -(-n // 8)) or not np.isfinite(history).all():
        raise ValueError(f"{history.size} errors of {n}")
    return history
