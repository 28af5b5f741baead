"""How sure the model says it is of each row, as numbers to which ordinary statistics and drift apply."""

from __future__ import annotations

from typing import Literal

import numpy as np

from monitor.performance.outcome import Outcomes, Task
from monitor.types import Column, FloatArray, Presence

Sureness = Literal["confidence", "margin", "entropy"]
SURENESS: tuple[Sureness, ...] = ("confidence", "margin", "entropy")


def sureness(task: Task, outcomes: Outcomes) -> dict[Sureness, Column]:
    """Return three columns of n rows, absent where a row has no probabilities.

    `confidence`, the probability of the likeliest class (1/K … 1); `margin`, that less the second likeliest's (0 … 1);
    `entropy`, -Σ p·ln p / ln K (0 when one class is certain, 1 when all are equally likely). All are of the scores as
    they are, not calibrated.
    """
    p, usable = outcomes.probabilities(task)
    p = np.where(usable[:, None], p, 0.5)
    p = np.column_stack((1 - p[:, 0], p[:, 0])) if p.shape[1] == 1 else p
    ordered = np.partition(p, -2, axis=1)
    numbers: dict[Sureness, FloatArray] = {
        "confidence": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
        "entropy": _entropy(p),
    }
    presence = np.where(usable, Presence.OK, Presence.ABSENT).astype(np.uint8)
    return {name: Column(values, presence) for name, values in numbers.items()}


def _entropy(p: FloatArray) -> FloatArray:
    """Return the normalised entropy of each row, of probabilities scaled to the sum of 1."""
    total = p.sum(axis=1, keepdims=True)
    shares = p / np.where(total > 0, total, 1.0)
    terms = shares * np.log(np.where(shares > 0, shares, 1.0))
    return np.asarray(np.abs(terms.sum(axis=1)) / np.log(p.shape[1]))
