"""Which segments explain a movement: explanatory power and surprise, one dimension against the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.rootcause.attribution import attribute
from monitor.types import FloatArray, IntArray, MaskArray

MIN_POWER = 0.1
"""A segment that explains less of the movement is not named."""
ENOUGH_POWER = 0.67
"""Segments are added to the explanation until together they explain so much."""
_Counts = FloatArray | IntArray | np.int64
_SURE = 2.58
"""A segment is not named unless its part moved by more standard errors than this: 99 % two-sided."""


@dataclass(frozen=True)
class SegmentCause:
    """One segment's part in a movement.

    `power` is its share of the whole's movement, `surprise` how unlike its size in the rows that moved is to what the
    baseline had; `mix` and `within` are the two parts of the movement, in shares of all rows. `number` is its place
    in the dimension.
    """

    number: int
    power: float
    surprise: float
    mix: float
    within: float
    named: bool


@dataclass(frozen=True)
class DimensionCause:
    """One dimension's explanation: its segments, the named ones first, and what they add up to."""

    segments: tuple[SegmentCause, ...]
    mix: float
    within: float

    @property
    def named(self) -> tuple[SegmentCause, ...]:
        """The segments that explain the movement, the most surprising first."""
        return tuple(segment for segment in self.segments if segment.named)

    @property
    def surprise(self) -> float:
        """The surprise of the named segments together: the greatest names the dimension."""
        return math.fsum(segment.surprise for segment in self.named)


def surprise(expected: FloatArray, actual: FloatArray) -> FloatArray:
    """Return ½·(p·ln(2p/(p+q)) + q·ln(2q/(p+q))) of each element, p and q its shares of the two sums.

    Together they are the Jensen–Shannon divergence of the shares. Zero where a side adds up to nothing.
    """
    if expected.sum() <= 0 or actual.sum() <= 0:
        return np.zeros(expected.shape)
    p, q = expected / expected.sum(), actual / actual.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / middle), 0.0) + np.where(q > 0, q * np.log(q / middle), 0.0)
    found: FloatArray = np.maximum(terms, 0.0) / 2
    return found


def succinct(powers: Sequence[float], surprises: Sequence[float], allowed: Sequence[bool]) -> list[int]:
    """Return the elements that explain the movement, by falling surprise, each with a power above 10 %.

    Elements are added until together they explain 67 %; those not `allowed` never are.
    Source: Bhagwan et al., Adtributor (NSDI 2014).
    """
    order = sorted(range(len(powers)), key=lambda i: (-surprises[i], -powers[i], i))
    chosen: list[int] = []
    for i in order:
        if allowed[i] and powers[i] > MIN_POWER:
            chosen.append(i)
            if math.fsum(powers[i] for i in chosen) > ENOUGH_POWER:
                break
    return chosen


def rank_segments(before: IntArray, now: IntArray, moved: MaskArray, rho: float = 0.0) -> DimensionCause:
    """Return the causes of a movement into the `moved` cells, from counts (segments x cells) of one dimension.

    The measure is the rows in the moved cells: F of them expected, from the baseline, A found. A segment is named only
    if its part of them changed by more than noise, which small segments seldom do, at the correlation `rho` of two
    rows of one window. The surprise of noise, about ⅛·(1 - p)(1/A + 1/F), is taken off each one's.
    Without rows on a side nothing is named.
    """
    cells = moved.astype(np.float64)
    mix, within, movement = attribute(before, now).of(cells)
    found, rows = (now @ cells), now.sum(axis=1)
    base, base_rows = (before @ cells), before.sum(axis=1)
    sizes = max(float(base_rows.sum()), 1.0), max(float(rows.sum()), 1.0)
    effect = 1 + (sizes[1] - 1) * rho
    expected = base / sizes[0] * sizes[1]
    noise = effect / max(float(found.sum()), 1.0) + 1 / max(float(base.sum()), 1.0)
    shares = (expected + found) / max(float(expected.sum() + found.sum()), 1.0)
    strange = np.maximum(surprise(expected, found) - noise * (1 - shares) / 8, 0.0)
    parts = mix + within
    power = parts / movement if movement > 0 else np.zeros(parts.shape)
    sure = _beyond_noise(before, now, cells, rho)
    chosen = succinct(power.tolist(), strange.tolist(), sure.tolist())
    rest = sorted(set(range(len(parts))) - set(chosen), key=lambda i: (-power[i], i))
    segments = tuple(
        SegmentCause(i, float(power[i]), float(strange[i]), float(mix[i]), float(within[i]), i in chosen)
        for i in (*chosen, *rest)
    )
    return DimensionCause(segments, float(mix.sum()), float(within.sum()))


def _beyond_noise(before: IntArray, now: IntArray, cells: FloatArray, rho: float) -> MaskArray:
    """Return the segments whose size, or share of the moved cells, changed by more than noise."""
    sizes = _differs(before.sum(axis=1), before.sum(), now.sum(axis=1), now.sum(), rho)
    shares = _differs(before @ cells, before.sum(axis=1), now @ cells, now.sum(axis=1), rho)
    return sizes | shares


def _differs(base: _Counts, base_rows: _Counts, found: _Counts, rows: _Counts, rho: float) -> MaskArray:
    """Return where two shares differ by more than noise: the two-sample test of proportions, pooled."""
    m, n = np.maximum(base_rows, 1.0), np.maximum(rows, 1.0)
    p, q, pooled = base / m, found / n, (base + found) / (m + n)
    error = np.sqrt(pooled * (1 - pooled) * (1 / m + (1 + (n - 1) * rho) / n))
    sure: MaskArray = np.abs(q - p) > _SURE * error
    return sure
