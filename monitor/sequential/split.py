"""Where a series most likely changed, once it is known that it did."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def changed_since(values: Sequence[float]) -> int:
    """Return how many of at least two values came after the split that explains most of their variance.

    That is where i·j/n · (mean₂ - mean₁)² is largest, with i values before and j after; the first of several. Of a step
    it is the step, of a slow rise about the middle.
    """
    x = np.asarray(values, np.float64)
    sums = np.cumsum(x)
    n = x.size
    i = np.arange(1, n)
    before, after = sums[:-1] / i, (sums[-1] - sums[:-1]) / (n - i)
    return n - 1 - int(np.argmax(i * (n - i) * np.square(after - before)))
