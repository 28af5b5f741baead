"""Windows drawn by chance, with and without correlation of their rows, and the true effects between two sets of shares.

A group is a repetition: one call of a detector judges them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Shares = NDArray[np.float64]
Counts = NDArray[np.int64]


def windows(rng: np.random.Generator, shares: Shares, rows: int, rho: float, *shape: int) -> Counts:
    """Return the counts of windows (shape x cells) of `rows` rows each.

    With `rho` the shares of a window are Dirichlet around the given ones (the counts Dirichlet-multinomial): the
    correlation of two of its rows is exactly that. Windows are independent.
    """
    if rho == 0:
        return rng.multinomial(rows, shares, shape)
    own = rng.standard_gamma(shares * (1 / rho - 1), (*shape, shares.size))
    own /= own.sum(axis=-1, keepdims=True)
    return rng.multinomial(rows, own)


def tilted(shares: Shares, slope: float) -> Shares:
    """Return shares that fall from 1 + slope times those given to 1 - slope times."""
    moved = shares * (1 + slope * np.linspace(1, -1, shares.size))
    return np.asarray(moved / moved.sum())


def true_effects(p: Shares, q: Shares) -> dict[str, float]:
    """Return by detector what its score is for the shares themselves, baseline p and current q.

    Wasserstein takes the cells as one apart and the values as even within them; its unit is the distance of the
    centres of the cells that hold the quartiles.
    """
    middle = (p + q) / 2
    below = np.concatenate(([0.0], np.cumsum(q - p)))
    reached = np.cumsum(p)
    low, high = (int(np.argmax(reached >= level - 1e-12)) for level in (0.25, 0.75))
    found: dict[str, Any] = {
        "psi": special.rel_entr(p, q).sum() + special.rel_entr(q, p).sum(),
        "kl": special.rel_entr(q, p).sum(),
        "js": (special.rel_entr(p, middle).sum() + special.rel_entr(q, middle).sum()) / (2 * np.log(2)),
        "hellinger": np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2),
        "chi2": np.sqrt(((p - q) ** 2 / (p + q)).sum() / 2),
        "tv": np.abs(p - q).sum() / 2,
        "ks": np.abs(below).max(),
        "wasserstein": np.abs(below[1:] + below[:-1]).sum() / 2 / (high - low),
    }
    return {name: float(value) for name, value in found.items()}
