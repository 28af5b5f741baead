"""The audit: history that nothing was wrong with, drawn anew in blocks, is run through the detector's own bets."""

from __future__ import annotations

import math

import numpy as np

from monitor.policy.budget.calibration import SmallArray
from monitor.policy.budget.detector import EDetector
from monitor.policy.budget.evidence import Evidence, log_bets
from monitor.types import FloatArray, IntArray

RUN_SLOTS = 200
"""The audit's own A: at that of the configuration nobody could wait for one alarm."""
SLOTS = 2000
_BLOCK = 50
_SEED = 20_150


def audit_ratio(detector: EDetector, columns: IntArray) -> float:
    """Return alarms over promised alarms of the streams in `columns`, at A = 200; NaN with fewer than 50 scores.

    Blocks of 50 slots are drawn with replacement and at any place, the same for all streams, so that what lies in a
    block, and between the streams, is as it was. Each score's p-value is by its rank among all that are kept: so this
    measures what the order of the scores does (autocorrelation that τ missed, bursts), not a calibration that is too
    small. About 0.4 is usual for independent scores. Deterministic.
    """
    scores = detector.calibration.ordered(columns)
    if len(scores) < detector.rules.min_scores:
        return math.nan
    p = _ranks(scores)
    lots = np.random.default_rng(_SEED)
    block = min(_BLOCK, max(1, len(p) // 4))
    starts = lots.integers(0, len(p), -(-SLOTS // block))
    order = ((starts[:, None] + np.arange(block)) % len(p)).ravel()[:SLOTS]
    tau = detector.tempering.tau[columns] if detector.rules.tempered else np.ones(columns.size)
    thresholds = math.log(RUN_SLOTS) - detector.log_weights[columns]
    evidence, everyone = Evidence(columns.size), np.ones(columns.size, np.bool_)
    alarms = 0
    for number, row in enumerate(order.tolist()):
        evidence.step(number, log_bets(p[row], tau), everyone, everyone)
        found = evidence.logs >= thresholds
        if found.any():
            alarms += int(found.sum())
            evidence.reset(found)
    return alarms * RUN_SLOTS / SLOTS


def raise_of(ratio: float, run_slots: float) -> float:
    """Return ln of the factor by which A must grow, so that alarms measured at `ratio` keep to the budget; 0 up to 1.

    Evidence that grows on average where nothing happens makes alarms as frequent as A^-θ with a θ below 1; the one
    measured at A = 200 is extrapolated, and A raised to A^(1/θ), at most to A².
    """
    if not ratio > 1:
        return 0.0
    theta = max(1 - math.log(ratio) / math.log(RUN_SLOTS), 0.5)
    return math.log(max(run_slots, 2.0)) * (1 / theta - 1)


def _ranks(scores: SmallArray) -> FloatArray:
    """Return the p-value of each score among those of its stream (slots x streams); ties are broken by lot."""
    lots = np.random.default_rng(_SEED + 1).random(scores.shape)
    order = np.lexsort((lots, -scores), axis=0)
    ranks = np.empty(scores.shape)
    np.put_along_axis(ranks, order, np.arange(1, len(scores) + 1, dtype=np.float64)[:, None], axis=0)
    return np.asarray((ranks - 0.5) / len(scores))
