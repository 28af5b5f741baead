"""Streams of slot scores in which nothing changes, or one thing does, and what an e-detector makes of them.

Several monitors are run as the columns of one detector: they have nothing in common but the loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal, special

from monitor.policy.budget import EDetector, Rules
from monitor.types import FloatArray

SLOT_MS = 3_600_000
DAY = 24
_SEASONAL = ("daily", "daily+ar")
_BURST_SLOTS = 10


def nothing_changes(kind: str, slots: int, monitors: int, streams: int, seed: int) -> FloatArray:
    """Return scores (slots x monitors·streams) of a process that is the same at all times, or on all days."""
    rng = np.random.default_rng(seed)
    shape = (slots, monitors, streams)
    noise = rng.standard_normal(shape)
    if kind.startswith("ar"):
        noise = _autoregressive(rng, shape, float(kind.removeprefix("ar ")))
    elif kind == "cross-correlated":
        noise = np.sqrt(0.1) * noise + np.sqrt(0.9) * rng.standard_normal((slots, monitors, 1))
    elif kind == "strange slots":
        noise *= np.where(rng.random((slots, monitors, 1)) < 0.02, 3.0, 1.0)
    elif kind == "bursts":
        few = rng.random((-(-slots // _BURST_SLOTS), monitors, 1)) < 0.02
        noise *= np.where(np.repeat(few, _BURST_SLOTS, axis=0)[:slots], 3.0, 1.0)
    elif kind == "volatility":
        noise *= np.exp(_autoregressive(rng, (slots, monitors, 1), 0.9))
    elif kind == "heavy tails":
        noise = rng.standard_t(2.5, shape)
    elif kind == "chi²":
        noise = rng.chisquare(9, shape)
    elif kind == "mostly zero":
        noise = np.where(rng.random(shape) < 0.9, 0.0, np.abs(noise))
    elif kind in _SEASONAL:
        noise = noise if kind == "daily" else _autoregressive(rng, shape, 0.6)
        noise = noise + np.sin(2 * np.pi * np.arange(slots) / DAY)[:, None, None]
    elif kind != "independent":
        raise ValueError(f"no process {kind}")
    return np.asarray(noise.reshape(slots, monitors * streams))


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
    kind: str, *, run_slots: float, slots: int, monitors: int, streams: int, seed: int = 1, **rules: Any
) -> FalsePages:
    """Return what a process without a change brought about."""
    scores = nothing_changes(kind, slots, monitors, streams, seed)
    found = detector(monitors, streams, run_slots, **rules)
    alarms, armed = 0, 0.0
    for number, row in enumerate(scores):
        armed += found.armed.mean() * monitors
        alarms += int(found.step(number * SLOT_MS, row).alarms.sum())
    return FalsePages(kind, run_slots, alarms, armed)


def delays(
    noncentrality: float,
    *,
    run_slots: float,
    before: int,
    after: int,
    monitors: int,
    streams: int,
    seed: int = 1,
    **rules: Any,
) -> FloatArray:
    """Return, by monitor, how many slots a fault of one stream took to be paged; inf where it was not.

    Scores are χ² of 9 degrees of freedom, as PSI of 10 cells has them; the fault gives one stream a noncentrality.
    """
    rng = np.random.default_rng(seed)
    scores = rng.chisquare(9, (before + after, monitors, streams))
    scores[before:, :, 0] = rng.noncentral_chisquare(9, noncentrality, (after, monitors))
    found = detector(monitors, streams, run_slots, **rules)
    delay = np.full(monitors, np.inf)
    for number, row in enumerate(scores.reshape(before + after, -1)):
        alarms = found.step(number * SLOT_MS, row).alarms[::streams]
        if number >= before:
            delay = np.where(alarms & np.isinf(delay), number - before + 1, delay)
    return delay
