"""Streams of slot scores in which nothing changes, or one thing does, and what an e-detector makes of them.

Several monitors are run as the columns of one detector: they have nothing in common but the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal, special

from monitor.policy.budget import EDetector, Rules, audit_ratio, raise_of
from monitor.types import FloatArray

SLOT_MS = 3_600_000
DAY = 24


def nothing_changes(kind: str, slots: int, monitors: int, streams: int, seed: int) -> FloatArray:
    """Return scores (slots x monitors·streams) of a process that is the same at all times, or on all days."""
    rng = np.random.default_rng(seed)
    shape = (slots, monitors, streams)
    name, _, phi = kind.partition(" ar ")
    noise = _autoregressive(rng, shape, float(phi)) if phi else rng.standard_normal(shape)
    return np.asarray(_KINDS[name](rng, noise).reshape(slots, monitors * streams))


def _cross_correlated(rng: np.random.Generator, noise: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(0.1) * noise + np.sqrt(0.9) * rng.standard_normal((*noise.shape[:2], 1)))


def _strange_slots(rng: np.random.Generator, noise: FloatArray, slots: int = 1) -> FloatArray:
    """Return noise that is three times as large in 2 % of the slots, all streams of a monitor together."""
    few = rng.random((-(-len(noise) // slots), noise.shape[1], 1)) < 0.02
    return noise * np.where(np.repeat(few, slots, axis=0)[: len(noise)], 3.0, 1.0)


def _volatility(rng: np.random.Generator, noise: FloatArray) -> FloatArray:
    return noise * np.exp(_autoregressive(rng, (*noise.shape[:2], 1), 0.9))


def _daily(_: np.random.Generator, noise: FloatArray) -> FloatArray:
    return noise + np.sin(2 * np.pi * np.arange(len(noise)) / DAY)[:, None, None]


_KINDS: dict[str, Callable[[np.random.Generator, FloatArray], FloatArray]] = {
    "independent": lambda _, noise: noise,
    "cross-correlated": _cross_correlated,
    "strange slots": _strange_slots,
    "bursts of 10 slots": lambda rng, noise: _strange_slots(rng, noise, 10),
    "volatility": _volatility,
    "heavy tails": lambda rng, noise: rng.standard_t(2.5, noise.shape),
    "chi²": lambda rng, noise: rng.chisquare(9, noise.shape),
    "mostly zero": lambda rng, noise: np.where(rng.random(noise.shape) < 0.9, 0.0, np.abs(noise)),
    "daily": _daily,
}
"""By name, what is made of the noise; `independent ar 0.6` is noise that resembles its neighbours."""


def _autoregressive(rng: np.random.Generator, shape: tuple[int, ...], phi: float) -> FloatArray:
    """Return a stationary AR(1) of variance 1."""
    ahead = 20 * int(1 / (1 - phi))
    drawn = rng.standard_normal((shape[0] + ahead, *shape[1:])) * np.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -phi], drawn, axis=0)[ahead:])


def detector(monitors: int, streams: int, run_slots: float, **rules: Any) -> EDetector:
    """Return a detector whose columns are the streams of several monitors, each with a budget of its own."""
    names = [f"{monitor} {stream}" for monitor in range(monitors) for stream in range(streams)]
    weights = np.full(len(names), 1 / streams)
    return EDetector(names, weights, Rules(run_slots=run_slots, slot_ms=SLOT_MS, **rules))


@dataclass(frozen=True)
class FalsePages:
    """Alarms where nothing changed, against those promised; `slots` counts slots in which streams were armed."""

    kind: str
    run_slots: float
    alarms: int
    slots: float

    @property
    def ratio(self) -> float:
        """Alarms over those promised."""
        return self.alarms * self.run_slots / self.slots

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval of a Poisson rate."""
        return float(special.gammaincinv(self.alarms, 0.025)) * self.run_slots / self.slots if self.alarms else 0.0

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval of a Poisson rate."""
        return float(special.gammaincinv(self.alarms + 1, 0.975)) * self.run_slots / self.slots


def false_pages(
    kind: str,
    *,
    run_slots: float,
    slots: int,
    monitors: int,
    streams: int,
    seed: int = 1,
    audit_every: int = 0,
    **rules: Any,
) -> FalsePages:
    """Return what a process without a change brought about; with `audit_every` A is raised as the audits say."""
    season = {"cycle_ms": DAY * SLOT_MS} if kind.startswith("daily") else {}
    scores = nothing_changes(kind, slots, monitors, streams, seed)
    found = detector(monitors, streams, run_slots, **(season | rules))
    alarms, armed = 0, 0.0
    for number, row in enumerate(scores):
        armed += found.armed.mean() * monitors
        alarms += int(found.step(number * SLOT_MS, row).alarms.sum())
        if audit_every and number % audit_every == audit_every - 1:
            found.raised = raise_of(audit_ratio(found, np.flatnonzero(found.armed)) / monitors, run_slots)
    return FalsePages(kind, run_slots, alarms, armed)


@dataclass(frozen=True, eq=False)
class Faults:
    """By monitor, how many slots a fault took to be paged (inf: it was not), and the share of later slots it was held.

    Later: from the 50th slot of the fault on.
    """

    delays: FloatArray
    held: FloatArray


def faults(
    noncentrality: float,
    *,
    run_slots: float,
    before: int,
    after: int,
    monitors: int,
    streams: int,
    seed: int = 1,
    **rules: Any,
) -> Faults:
    """Return what became of faults of one stream in each monitor.

    Scores are χ² of 9 degrees of freedom, as PSI of 10 cells has them; the fault gives one stream a noncentrality.
    """
    rng = np.random.default_rng(seed)
    scores = rng.chisquare(9, (before + after, monitors, streams))
    scores[before:, :, 0] = rng.noncentral_chisquare(9, noncentrality, (after, monitors))
    found = detector(monitors, streams, run_slots, **rules)
    delay, held = np.full(monitors, np.inf), np.zeros(monitors)
    for number, row in enumerate(scores.reshape(before + after, -1)):
        alarms = found.step(number * SLOT_MS, row).alarms[::streams]
        if number >= before:
            delay = np.where(alarms & np.isinf(delay), number - before + 1, delay)
        if number >= before + 50:
            held += found.latched[::streams]
    return Faults(delay, held / max(after - 50, 1))
