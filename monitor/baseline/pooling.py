"""Correlations that were estimated apart, of windows in different hours, as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.baseline.correlation import Correlated


def pooled(parts: Sequence[Correlated]) -> Correlated:
    """Return the mean of the estimates, at least one, each weighted by its information 1/error².

    A part that knows nothing of a group has no weight there, and its windows do not count. What `cautious` adds to the
    estimate shrinks with the windows: the mean addition is divided by how many times as many windows there are now.
    """
    if len(parts) == 1:
        return parts[0]
    known = np.array([part.known for part in parts])
    errors = np.where(known, [part.error for part in parts], 1.0)
    weights = np.where(known, 1 / np.maximum(errors, 1e-12) ** 2, 0.0)
    total = weights.sum(axis=0)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    windows = np.where(known, [part.windows for part in parts], 0)
    rho = (shares * [part.rho for part in parts]).sum(axis=0)
    margin = (shares * [part.cautious - part.rho for part in parts]).sum(axis=0)
    own = (shares * windows).sum(axis=0)
    fewer = np.divide(own, windows.sum(axis=0), out=np.ones_like(own), where=windows.sum(axis=0) > 0)
    with np.errstate(divide="ignore"):
        error = np.where(total > 0, 1 / np.sqrt(total), np.nan)
    return Correlated(rho, error, windows.sum(axis=0), np.minimum(rho + margin * fewer, 1.0))
