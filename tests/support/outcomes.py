"""Made-up outcomes of models, and cuts of them, for the tests of performance."""

from __future__ import annotations

import numpy as np

from monitor.performance import Outcomes, Task
from monitor.types import Groups

BINARY = Task("binary", ("no", "yes"), 0.4)
MULTICLASS = Task("multiclass", ("ant", "bee", "cat"))
REGRESSION = Task("regression")
TASKS = (BINARY, MULTICLASS, REGRESSION)


def made(task: Task, n: int, seed: int = 1, *, missing: float = 0.0, segments: int = 0, skew: float = 1.0) -> Outcomes:
    """Return n rows of a model that is fairly good; a share `missing` of predictions, labels and probabilities is not
    there. `skew` above 1 makes scores that are not calibrated."""
    rng = np.random.default_rng(seed)
    codes = (rng.integers(1, segments + 1, n).astype(np.int32),) if segments else ()
    groups = Groups(1 + segments, codes)
    gone = rng.random((3, n)) < missing
    if task.kind == "regression":
        label = rng.gamma(2.0, 50.0, n)
        predicted = label * rng.normal(1.0, 0.2, n) + rng.normal(2.0, 5.0, n)
        return Outcomes(np.where(gone[0], np.nan, predicted), np.where(gone[1], np.nan, label), None, groups)
    if task.kind == "binary":
        true = rng.beta(1.0, 2.0, n)
        label = (rng.random(n) < true).astype(np.int64)
        p = true**skew
        predicted = (p >= task.threshold).astype(np.int64)
        p[gone[2]] = np.nan
    else:
        classes = len(task.classes)
        true = rng.dirichlet(np.linspace(0.4, 1.2, classes), n)
        label = (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, classes - 1)
        p = true**skew / (true**skew).sum(axis=1, keepdims=True)
        predicted = p.argmax(axis=1)
        p[gone[2]] = np.nan
    return Outcomes(np.where(gone[0], -1, predicted), np.where(gone[1], -1, label), p, groups)


def between(rows: Outcomes, start: int, end: int) -> Outcomes:
    """Return the rows from `start` up to `end`."""
    return rows.take(np.arange(start, end))
