"""How often bounds are above zero without drift, and below the true effect with it, in simulated windows.

What a monitor would do is done: a baseline of windows, the correlation estimated from them, the detectors as they are.
Each repetition has a baseline of its own and is a group, so that one call judges all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.baseline.correlation import estimate
from monitor.detectors import (
    ChiSquaredSpec,
    HellingerSpec,
    JensenShannonSpec,
    KolmogorovSmirnovSpec,
    KullbackLeiblerSpec,
    MissingSpec,
    PsiSpec,
    TotalVariationSpec,
    WassersteinSpec,
)
from monitor.types import PRESENCES, Correlation, FloatArray, Presence, Score
from tests.support.cells import FixedCells
from tests.support.simulated import Counts, Shares, tilted, true_effects, windows

ABOUT = ("psi", "hellinger", "js", "kl", "chi2")
"""The detectors whose bound is meant to be exceeded by the true effect in about 95 of 100 windows."""

AT_LEAST = ("missing", "ks", "wasserstein", "tv")
"""Those whose bound is conservative: in at least 95 of 100."""

BASELINE_WINDOWS = 30
SLOPE = 0.6
"""The drift: shares fall evenly from 1.6 to 0.4 times those of the baseline, a PSI of 0.13 to 0.2."""

MISSING_FACTOR = 1.5
RAW_THRESHOLD = 0.1

_ON_CELLS = {
    spec.kind: spec.build()
    for spec in (
        PsiSpec(),
        HellingerSpec(),
        JensenShannonSpec(),
        KullbackLeiblerSpec(),
        ChiSquaredSpec(),
        KolmogorovSmirnovSpec(),
        WassersteinSpec(),
        TotalVariationSpec(),
    )
}


@dataclass(frozen=True)
class Finding:
    """Shares of windows, in percent: of quiet ones with a bound above zero, of drifted ones whose bound is true."""

    rows: int
    cells: int
    rho: float
    detector: str
    fired_percent: float
    covered_percent: float
    raw_psi_percent: float | None = None
    """Of quiet windows, those whose raw PSI is above 0.1; only with `psi`."""


def calibrated(
    rows: int, cells: int, rho: float, repetitions: int, *, seed: int = 0, assumed: Correlation | None = None
) -> Iterator[Finding]:
    """Yield what was found of every detector at windows of so many rows and cells.

    Baseline and window are of equal cells; `missing` has a share of 1/cells. The correlation is estimated for every
    repetition, unless it is `assumed`.
    """
    rng = np.random.default_rng([seed, rows, cells, round(rho * 1e6)])
    p = np.full(cells, 1 / cells)
    q = tilted(p, SLOPE)
    effects = true_effects(p, q)
    history, quiet, drifted = _drawn(rng, p, q, rows, rho, repetitions)
    used = estimate(history).cautious if assumed is None else assumed
    baseline, still, moved = (_located(rng, counts) for counts in (history.sum(axis=0), quiet, drifted))
    for kind, detector in _ON_CELLS.items():
        without, with_drift = detector.compare(baseline, still, used), detector.compare(baseline, moved, used)
        raw = 100 * float(np.mean(without.score > RAW_THRESHOLD)) if kind == "psi" else None
        yield _finding(rows, cells, rho, kind, without, with_drift, effects[kind], raw)

    share = 1 / cells
    p, q = (np.array([1 - s, s]) for s in (share, MISSING_FACTOR * share))
    history, quiet, drifted = (_by_presence(counts) for counts in _drawn(rng, p, q, rows, rho, repetitions))
    used = estimate(history).cautious if assumed is None else assumed
    missing = MissingSpec().build()
    before = FixedCells(history.sum(axis=0))
    without, with_drift = (missing.compare(before, FixedCells(counts), used) for counts in (quiet, drifted))
    yield _finding(rows, cells, rho, "missing", without, with_drift, (MISSING_FACTOR - 1) * share)


def _drawn(
    rng: np.random.Generator, p: Shares, q: Shares, rows: int, rho: float, repetitions: int
) -> tuple[Counts, Counts, Counts]:
    """Return the baseline's windows, a window like them and one that drifted, for each repetition."""
    history = windows(rng, p, rows, rho, BASELINE_WINDOWS, repetitions)
    return history, windows(rng, p, rows, rho, repetitions), windows(rng, q, rows, rho, repetitions)


def _finding(
    rows: int,
    cells: int,
    rho: float,
    kind: str,
    without: Score,
    with_drift: Score,
    effect: float,
    raw: float | None = None,
) -> Finding:
    fired = 100 * float(np.mean(without.lower_bound > 0))
    covered = 100 * float(np.mean(with_drift.lower_bound <= effect * (1 + 1e-9)))
    return Finding(rows, cells, rho, kind, fired, covered, raw)


def _located(rng: np.random.Generator, counts: Counts) -> FixedCells:
    """Return the cells of values that lie evenly in cells of width 1."""
    centres = np.arange(counts.shape[1]) + 0.5
    sums: FloatArray = counts * centres + np.sqrt(counts / 12) * rng.standard_normal(counts.shape)
    return FixedCells(counts, sums)


def _by_presence(counts: Counts) -> Counts:
    """Return counts by presence, of counts of usable and missing values."""
    out = np.zeros((*counts.shape[:-1], PRESENCES), np.int64)
    out[..., Presence.OK], out[..., Presence.NULL] = counts[..., 0], counts[..., 1]
    return out
