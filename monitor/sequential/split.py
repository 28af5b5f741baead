"""Where a series most likely changed, once it is known that it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """The mean before and after the change, and how many values came after it."""

    before: float
    after: float
    since: int


def best_split(values: Sequence[float]) -> Split:
    """Return the split of at least two values that explains most of their variance: max i·j/n · (mean₂ - mean₁)².

    Of a step it is the step; of a slow rise about the middle. The first maximum where several are equal.
    """
    x = np.asarray(values, np.float64)
    sums = np.cumsum(x)
    n = x.size
    i = np.arange(1, n)
    before, after = sums[:-1] / i, (sums[-1] - sums[:-1]) / (n - i)
    first = int(np.argmax(i * (n - i) * np.square(after - before)))
    return Split(float(before[first]), float(after[first]), n - 1 - first)
