"""What is caught at the least: the smallest share of nulls, shift or mix of each field, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.doping import FAULTS
from monitor.proving.survey import Bench

MEASURES = {"nulls": "null_burst", "shift": "mean_shift", "mix": "label_flip"}
"""What is looked for: a share of nulls, a shift in standard deviations, a share of values that are another category."""
_LEAST = {"nulls": 1e-4, "shift": 1e-2, "mix": 1e-4}
_STEPS = 6
_REPEATS = 3


@dataclass(frozen=True)
class Limit:
    """The smallest severity of a fault of a field that was caught; None: not even the worst one was."""

    field: str
    measure: str
    smallest: float | None


def limits(bench: Bench, told: Callable[[int], object] = lambda _done: None) -> Iterator[Limit]:
    """Yield what is caught at the least of each field; a severity counts as caught at most of three onsets.

    Found by bisection of the logarithm, to within a factor of 1.15; one that is not caught may lie above one that is,
    by chance. Severities below what one row of a window makes are not tried.
    """
    for path in bench.fields:
        for measure, name in MEASURES.items():
            fault = FAULTS[name]
            if fault.fits(bench.usual, path):
                yield Limit(path, measure, _smallest(bench, path, measure))
                told(1)


def _smallest(bench: Bench, path: str, measure: str) -> float | None:
    fault = FAULTS[MEASURES[measure]]
    high = fault.most
    if not _caught(bench, path, measure, high):
        return None
    low = max(_LEAST[measure], 0.0 if measure == "shift" else 1 / max(bench.rows, 1))
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _caught(bench, path, measure, middle) else (middle, high)
    return high


def _caught(bench: Bench, path: str, measure: str, severity: float) -> bool:
    """Return whether most of three onsets page for a fault; the third is not asked where two agree."""
    fault = FAULTS[MEASURES[measure]]
    repeats = [bench.stretches[n % len(bench.stretches)] for n in range(_REPEATS)]
    if len(bench.stretches) < _REPEATS:
        repeats = repeats[:1]
    needed = len(repeats) // 2 + 1
    caught = missed = 0
    for stretch in repeats:
        if bench.inject(stretch, fault, path, severity) is None:
            missed += 1
        else:
            caught += 1
        if needed in (caught, missed):
            break
    return caught >= needed
