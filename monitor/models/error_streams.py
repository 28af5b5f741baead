"""All detectors of concept drift of a model: each for all rows, and where it is asked for, for each segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.models.errors import ErrorStream, HeardErrors
from monitor.protocols import State
from monitor.segments import Segmenter
from monitor.types import FloatArray, Groups, IntArray

NOBODY = HeardErrors()
"""What a detector says of no rows."""


@dataclass(frozen=True)
class Listener:
    """A detector of one group's errors; `key` is what it has in the checkpoint as long as it would hear the same."""

    spec: Any
    group: int
    key: str


def listeners(specs: tuple[Any, ...], labels: tuple[str, ...]) -> tuple[Listener, ...]:
    """Return who hears what, in the order of the specs, then of the groups with these labels."""
    found: list[Listener] = []
    for spec in specs:
        about = spec.model_dump_json(exclude={"name", "severity", "segments"})
        heard = labels if spec.segments else labels[:1]
        found += [Listener(spec, group, f"{about} {label}".rstrip()) for group, label in enumerate(heard)]
    return tuple(found)


class ErrorStreams:
    """A stream for each listener. A row costs each detector once for all rows and once for each dimension of segments.

    Memory: that of `ErrorStream` for each listener.
    """

    def __init__(self, specs: tuple[Any, ...], segmenter: Segmenter) -> None:
        """Start without a row."""
        self.listeners = listeners(specs, segmenter.labels)
        self._streams = [ErrorStream(each.spec) for each in self.listeners]
        self._groups = sorted({each.group for each in self.listeners} - {0})

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._streams)

    @property
    def keys(self) -> list[str]:
        """What each of them hears."""
        return [each.key for each in self.listeners]

    def hear(self, errors: FloatArray, times_ms: IntArray, groups: Groups) -> tuple[HeardErrors, ...]:
        """Take the errors of a pane's rows, in their order; those that are not finite are unknown."""
        finite = np.isfinite(errors)
        errors, times_ms = errors[finite], times_ms[finite]
        nobody = np.zeros(0, np.int64)
        parts: dict[int, Any] = {0: slice(None), **dict.fromkeys(self._groups, nobody)}
        parts |= dict(self._rows(groups.take(finite)))
        return tuple(
            stream.hear(errors[parts[each.group]], times_ms[parts[each.group]])
            for each, stream in zip(self.listeners, self._streams, strict=True)
        )

    def _rows(self, groups: Groups) -> Iterator[tuple[int, IntArray]]:
        """Yield the rows of each segment that somebody listens to, in their order."""
        rest = self._groups
        for codes in groups.codes if rest else ():
            order = np.argsort(codes, kind="stable")
            # A dimension's groups are a range, so those of the next one are not among its codes.
            ends = np.searchsorted(codes[order], rest, side="right")
            starts = np.searchsorted(codes[order], rest, side="left")
            for group, start, end in zip(rest, starts.tolist(), ends.tolist(), strict=True):
                if end > start:
                    yield group, order[start:end]

    def state(self) -> State:
        """Return the history of each, by its key."""
        return {each.key: stream.state() for each, stream in zip(self.listeners, self._streams, strict=True)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue those that are stored; raises StoreError on damage."""
        for each, stream in zip(self.listeners, self._streams, strict=True):
            if each.key in state:
                stream.load(state[each.key])
