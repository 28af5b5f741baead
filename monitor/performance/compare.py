"""A window's metric against a limit or against what it was in the baseline, as a score that a policy can judge."""

from __future__ import annotations

import numpy as np
from scipy import special

from monitor.performance.metric import Metric
from monitor.performance.metrics import Best
from monitor.types import FloatArray, IntArray, Score


def beyond(current: Metric, best: Best, limit: float) -> Score:
    """Return how much worse than a fixed limit each group's metric is, 0 where it is not.

    With one limit for warning and one for critical it is of the warning's, with the thresholds 0 and their distance.
    `best`: which way is better; where it is `zero`, what counts is the distance from 0. `lower_bound` is how much worse
    it is at least, by the end of the 95 % interval (error bound included) that lies nearer to the limit: a window whose
    true metric is at the limit has it above 0 in at most about 2.5 % of cases. `n_baseline` is that of the window, for
    no baseline is needed. No drift: at the limit the score is on average 0.4 standard errors, `noise_floor`.
    """
    value, low, _ = _worse_upwards(current, best)
    target = -limit if best == "high" else limit
    excess = value - target
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = special.ndtr(-excess / current.standard_error)
    return _score(excess, low - target, current.standard_error, p_value, (current.n, current.n), current)


def worsened(current: Metric, baseline: Metric, best: Best) -> Score:
    """Return by how much each group's metric is worse than in the baseline, 0 where it is not.

    Where `best` is `zero` any change counts. `lower_bound` is Newcombe's: the difference less √(a² + b²), a and b the
    distances from either value to the end of its interval that lies nearer to the other; error bounds are in the
    intervals. Without a change it is above 0 in at most about 2.5 % of windows (5 % for `zero`). A baseline
    of one group serves all groups. No drift: `noise_floor` is 0.4 standard errors of the difference.
    Source: Newcombe, Interval estimation for the difference between independent proportions (1998).
    """
    if best == "zero":
        return _changed(current, baseline)
    now, now_low, _ = _worse_upwards(current, best)
    was, _, was_high = (np.broadcast_to(end, now.shape) for end in _worse_upwards(baseline, best))
    excess = now - was
    bound = excess - np.hypot(now - now_low, was_high - was)
    return _difference(excess, bound, current, baseline)


def _changed(current: Metric, baseline: Metric) -> Score:
    """Return the size of the change, and a bound on it from the side where it is."""
    now, was = current, baseline
    change = now.value - was.value
    up = change - np.hypot(now.value - now.lower, was.upper - was.value)
    down = -change - np.hypot(now.upper - now.value, was.value - was.lower)
    return _difference(np.abs(change), np.maximum(up, down), current, baseline)


def _difference(excess: FloatArray, bound: FloatArray, current: Metric, baseline: Metric) -> Score:
    error = np.hypot(current.standard_error, baseline.standard_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = special.ndtr(-excess / error)
    sizes = np.broadcast_arrays(baseline.n, current.n)
    return _score(excess, bound, error, p_value, (sizes[0], sizes[1]), current, baseline)


def _score(
    excess: FloatArray,
    bound: FloatArray,
    error: FloatArray,
    p_value: FloatArray,
    sizes: tuple[IntArray, IntArray],
    current: Metric,
    baseline: Metric | None = None,
) -> Score:
    change = np.zeros(excess.shape) if baseline is None else current.value - baseline.value
    cells = current.error_bound if baseline is None else current.error_bound + baseline.error_bound
    return Score(
        score=np.maximum(excess, 0.0),
        noise_floor=error / np.sqrt(2 * np.pi),
        lower_bound=np.clip(bound, 0.0, np.maximum(excess, 0.0)),
        # Without noise there is no doubt, whichever way it went.
        p_value=np.where(np.isnan(excess), np.nan, np.where(np.isnan(p_value), 1.0, p_value)),
        n_baseline=np.asarray(sizes[0]),
        n_current=np.asarray(sizes[1]),
        direction=np.sign(np.where(np.isnan(change), 0.0, change)).astype(np.int64),
        error_bound=cells,
    )


def _worse_upwards(metric: Metric, best: Best) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return value and interval of the metric turned so that larger is worse."""
    if best == "high":
        return -metric.value, -metric.upper, -metric.lower
    if best == "low":
        return metric.value, metric.lower, metric.upper
    nearest = np.maximum(np.maximum(metric.lower, -metric.upper), 0.0)
    return np.abs(metric.value), nearest, np.maximum(np.abs(metric.lower), np.abs(metric.upper))
