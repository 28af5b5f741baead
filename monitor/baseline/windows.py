"""The windows of a baseline: its rows by event time, counted on its own frames, and how their rows correlate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.accumulators import AccumulatorSpec, Frame, PresenceSpec
from monitor.baseline.correlation import MIN_WINDOWS, Correlated, estimate
from monitor.baseline.pooling import pooled
from monitor.baseline.seasons import Season
from monitor.baseline.specs import COUNTED
from monitor.profile import frame_key
from monitor.types import Column, FloatArray, Groups, IntArray

MAX_WINDOWS = 2_000
"""At most so many windows are counted, evenly spread over all."""

_MAX_COUNTS = 4_000_000
_BUCKETS = 10  # the cells of a number; the detectors' 50 would say the same with more noise
_DIGITS = 6

Blocks = Callable[[Sequence[str]], Iterable[tuple[Mapping[str, Column], Groups, IntArray]]]
"""Gives the rows of a baseline again, for some fields: their columns, groups and event times."""


@dataclass(frozen=True, eq=False)
class RowCorrelation:
    """How rows of one window correlate, by the Spec of what is counted: what `driftline baseline build` found.

    `windows` were counted of `window_ms` each; `estimates` holds those Specs of which anything is known. The numbers of
    segments are drawn to those of all rows, see `Correlated.shrunk`.
    """

    window_ms: int
    windows: int
    estimates: Mapping[AccumulatorSpec, Correlated]

    @property
    def rho(self) -> dict[AccumulatorSpec, FloatArray]:
        """The correlation to judge with, per Spec a number a group."""
        return {spec: found.cautious for spec, found in self.estimates.items()}

    def content(self) -> dict[str, Any]:
        """Return it as JSON-able values, to six digits, so that no library's rounding makes another version."""
        found: dict[str, dict[str, Any]] = {}
        for spec, estimated in self.estimates.items():
            numbers = {name: _rounded(getattr(estimated, name)) for name in ("rho", "error", "cautious")}
            found.setdefault(frame_key(spec), {})[spec.kind] = {**numbers, "windows": estimated.windows.tolist()}
        return {"window_ms": self.window_ms, "windows": self.windows, "fields": found}

    @classmethod
    def of_content(cls, stored: Any, specs: Iterable[AccumulatorSpec], groups: int) -> RowCorrelation:
        """Return what `content` described; raises AttributeError, KeyError, TypeError or ValueError on damage."""
        estimates = {}
        for spec in specs:
            numbers = stored["fields"].get(frame_key(spec), {}).get(spec.kind)
            if numbers is not None:
                rho, error, cautious = (_read(numbers[name]) for name in ("rho", "error", "cautious"))
                windows = np.array(numbers["windows"], np.int64)
                shapes = {part.shape for part in (rho, error, cautious, windows)}
                if shapes != {(groups,)} or not all(((part >= 0) & (part <= 1)).all() for part in (rho, cautious)):
                    raise ValueError(f"the correlation of {frame_key(spec)} is not one number in 0 … 1 a segment")
                estimates[spec] = Correlated(rho, error, windows, cautious)
        return cls(int(stored["window_ms"]), int(stored["windows"]), estimates)


def row_correlation(
    blocks: Blocks,
    times_ms: IntArray,
    window_ms: int,
    specs: Sequence[AccumulatorSpec],
    frames: Mapping[str, Frame],
    groups: int,
    season: Season | None = None,
) -> RowCorrelation:
    """Return how the rows of windows of `window_ms` correlate, from rows with these event times.

    Each Spec is counted by its own accumulator, with (window, group) in the place of the group; one field is in memory
    at a time, at most about 4 million counts. With fewer than 10 windows nothing is estimated. With a season a window
    is compared with those of its own slot: what recurs with the hour is no correlation then.
    """
    numbers = np.unique(times_ms // window_ms)
    counted = [spec for spec in specs if isinstance(spec, COUNTED)]
    if numbers.size < MIN_WINDOWS:
        return RowCorrelation(window_ms, int(numbers.size), {})
    estimates: dict[AccumulatorSpec, Correlated] = {}
    for spec in counted:
        frame = frames.get(spec.field)
        cells = 7 if isinstance(spec, PresenceSpec) or frame is None else max(frame.counts.size, 1)
        chosen = spread(numbers, max(MIN_WINDOWS, min(MAX_WINDOWS, _MAX_COUNTS // (groups * cells))))
        counts = _counts(spec, frame, blocks((spec.field,)), chosen, window_ms, groups)
        slots = season.slots_of(chosen * window_ms) if season is not None else np.zeros(chosen.size, np.int64)
        found = pooled([estimate(counts[slots == slot]) for slot in np.unique(slots)])
        if found.known[0]:
            estimates[spec] = found.shrunk()
    return RowCorrelation(window_ms, min(int(numbers.size), MAX_WINDOWS), estimates)


def _counts(
    spec: Any,
    frame: Frame | None,
    blocks: Iterable[tuple[Mapping[str, Column], Groups, IntArray]],
    chosen: IntArray,
    window_ms: int,
    groups: int,
) -> IntArray:
    """Return the counts (windows x groups x cells) of the chosen windows."""
    accumulator: Any = spec.build(frame, 1 + chosen.size * groups)
    for columns, inner, times_ms in blocks:
        number = times_ms // window_ms
        window = np.minimum(np.searchsorted(chosen, number), chosen.size - 1)
        rows = np.flatnonzero(chosen[window] == number)
        if rows.size:
            column, first = columns[spec.field], 1 + window[rows] * groups
            everywhere = rows.size == number.size
            codes = (first, *(first + inner_codes[rows] for inner_codes in inner.codes))
            accumulator.update(
                column if everywhere else column.take(rows),
                Groups(1 + chosen.size * groups, tuple(code.astype(np.int32) for code in codes)),
            )
    cells = accumulator.counts if isinstance(spec, PresenceSpec) else accumulator.cells(_BUCKETS)
    return np.asarray(cells[1:].reshape(chosen.size, groups, -1), np.int64)


def spread(numbers: IntArray, most: int) -> IntArray:
    """Return at most so many of the ascending numbers, evenly spread."""
    if numbers.size <= most:
        return numbers
    return numbers[np.linspace(0, numbers.size - 1, most).astype(np.int64)]


def _rounded(numbers: FloatArray) -> list[float | None]:
    return [float(f"{number:.{_DIGITS}g}") if np.isfinite(number) else None for number in numbers.tolist()]


def _read(numbers: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if number is None else number for number in numbers], np.float64)
