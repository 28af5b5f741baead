"""The sequential detectors of a monitor: every judged window is one more value of their series."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from monitor.outcomes import EPOCH_CHANGE, PARTIAL
from monitor.plan import MonitorPlan
from monitor.protocols import State
from monitor.results import WindowResult
from monitor.sequential import NOTHING, Heard, Stream, stream_field, subject
from monitor.snapshot import VerdictView
from monitor.types import Level
from monitor.window_values import groups_of, window_rows, window_value

_MAX_EMPTY = 1000
_DIRECTIONS = {1: "up", -1: "down"}


@dataclass
class _Series:
    """One stream with where it comes from, its last word, and how many empty windows in a row it has heard."""

    spec: Any
    group: int
    segment: str
    key: str
    stream: Stream
    last: Heard = NOTHING
    empty: int = 0

    @property
    def name(self) -> tuple[str, str, str]:
        """Field, segment and detector of its verdicts."""
        return (stream_field(self.spec), self.segment, self.spec.name)


class Series:
    """Steps through judged windows in order and adds a verdict of each series to each of them.

    A window is one value: of sliding windows only those that do not overlap are heard, the others repeat the last
    verdict. Partial windows, those of another epoch, and those without a value are unknown, and are not heard. An empty
    window has no rows, which is a value of `rows` and of some checks; in a run of more than 1000 only the first 1000
    are heard, so a run costs no more than they do. State is keyed by Spec and segment: what changed begins anew.
    """

    def __init__(self, plan: MonitorPlan) -> None:
        """Start every series without a window."""
        self._plan = plan
        self._series = [
            _Series(spec, group, plan.segmenter.labels[group], _key(spec, plan.segmenter.labels[group]), Stream(spec))
            for spec in plan.sequential
            for group in groups_of(plan, spec)
        ]

    @property
    def refused(self) -> dict[tuple[str, str, str], int]:
        """How many values were not finite, by field, segment and detector."""
        names = self._plan.segmenter.names
        found = ((series.name, names.get(series.segment, series.segment), series.stream) for series in self._series)
        return {(name[0], shown, name[2]): stream.refused for name, shown, stream in found if shown is not None}

    def step(self, window: WindowResult, *, epoch_ms: int) -> Iterator[WindowResult]:
        """Yield the window with the verdicts of all series; a run of empty ones in parts whose verdicts are equal."""
        if not self._series:
            yield window
            return
        unknown = PARTIAL if window.partial else EPOCH_CHANGE if window.start_ms < epoch_ms else ""
        values = [unknown or window_value(self._plan, item.spec, window, item.group) for item in self._series]
        if not window.gap or all(isinstance(value, str) for value in values):
            heard = [self._hear(*each, window.start_ms, gap=False) for each in zip(self._series, values, strict=True)]
            yield self._with(window, heard)
            return
        yield from self._run(window, values)

    def _run(self, window: WindowResult, values: list[float | str]) -> Iterator[WindowResult]:
        """Yield a run of empty windows in parts whose levels are equal."""
        pane_ms = self._plan.grid.pane_ms
        begun, before = 0, None
        number = 0
        while number < window.windows:
            start_ms = window.start_ms + number * pane_ms
            heard = [self._hear(*each, start_ms, gap=True) for each in zip(self._series, values, strict=True)]
            if before is not None and _levels(heard) != _levels(before):
                yield self._with(_part(window, begun, number, pane_ms), before)
                begun = number
            before = heard
            settled = all(
                isinstance(v, str) or s.empty >= _MAX_EMPTY for s, v in zip(self._series, values, strict=True)
            )
            number = window.windows if settled else number + 1
        assert before is not None, "a run has at least one window"
        yield self._with(_part(window, begun, window.windows, pane_ms), before)

    def _hear(self, series: _Series, value: float | str, start_ms: int, *, gap: bool) -> Heard:
        """Return what a series says of one window."""
        if isinstance(value, str):
            return Heard(Level.UNKNOWN, value)
        if start_ms % self._plan.grid.size_ms:
            return series.last
        if gap and series.empty >= _MAX_EMPTY:
            return series.last
        series.empty = series.empty + 1 if gap else 0
        series.last = series.stream.hear(value)
        return series.last

    def _with(self, window: WindowResult, heard: list[Heard]) -> WindowResult:
        """Return the window with these verdicts, and what was found in words."""
        both = list(zip(self._series, heard, strict=True))
        changes = {series.name: _words(series, said) for series, said in both if said.level >= Level.WARNING}
        verdicts = tuple(_view(series, said, window_rows(window, series.group)) for series, said in both)
        return replace(window, verdicts=(*window.verdicts, *verdicts), changes=changes)

    def state(self) -> State:
        """Return everything needed to continue, by the key of each series; JSON-able and exact."""
        return {
            series.key: {"stream": series.stream.state(), "last": series.last.state(), "empty": series.empty}
            for series in self._series
        }

    def load(self, state: State) -> None:
        """Continue the series that `state` has; the others begin. Raises StoreError on damage."""
        for series in self._series:
            stored = state.get(series.key)
            if stored is not None:
                series.stream.load(stored["stream"])
                series.last = Heard.of(stored["last"])
                series.empty = int(stored["empty"])


def _key(spec: Any, segment: str) -> str:
    """Return the identity of a series' state; what only names or colours its verdicts is no part of it."""
    return json.dumps([spec.model_dump(mode="json", exclude={"name", "severity", "segments"}), segment], sort_keys=True)


def _levels(heard: list[Heard]) -> list[tuple[Level, str]]:
    return [(said.level, said.reason) for said in heard]


def _part(window: WindowResult, begin: int, end: int, pane_ms: int) -> WindowResult:
    """Return windows `begin` … `end` - 1 of a run."""
    end_ms = window.end_ms - (window.windows - end) * pane_ms
    return replace(window, start_ms=window.start_ms + begin * pane_ms, end_ms=end_ms, windows=end - begin)


def _view(series: _Series, heard: Heard, rows: int) -> VerdictView:
    field, segment, name = series.name
    return VerdictView(
        field,
        segment,
        name,
        heard.level,
        heard.reason,
        heard.score,
        None,
        None,
        heard.p_value,
        heard.windows,
        rows,
        direction=_DIRECTIONS.get(heard.direction or 0, ""),
    )


def _words(series: _Series, heard: Heard) -> str:
    """Return what changed, such as `mean of amount went from 12.1 to 14.9, found after 37 windows`."""
    what = subject(series.spec) + (f" in {series.segment}" if series.segment else "")
    change = heard.change
    if change is None:
        return f"{what} may be changing: the detector is in its warning zone"
    windows = f"{change.windows} window" + ("" if change.windows == 1 else "s")
    return f"{what} went from {change.before:.4g} to {change.after:.4g}, found after {windows}"
