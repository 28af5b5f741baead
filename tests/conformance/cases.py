"""The pairs of samples on which Driftline and its peers are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

Values = tuple[Any, ...]
"""Floats (NaN and infinities among them), or strings and None."""


@dataclass(frozen=True, eq=False)
class Case:
    """Two samples of one field; `numbers` or else categories."""

    numbers: bool
    baseline: Values
    current: Values

    @cached_property
    def usable(self) -> tuple[Values, Values]:
        """Both samples without None, NaN and infinities, which no distance is made of."""
        baseline, current = (
            tuple(x for x in side if x is not None and (not self.numbers or np.isfinite(x)))
            for side in (self.baseline, self.current)
        )
        return baseline, current


@cache
def cases() -> Mapping[str, Case]:
    """Return the cases by name, the same on every machine.

    RandomState, since numpy has promised that its stream stays as it is; and few decimals, so that the last bit
    of a machine's logarithm does not show.
    """
    return MappingProxyType({**_numbers(np.random.RandomState(20240701)), **_categories()})


def _numbers(random: np.random.RandomState) -> dict[str, Case]:
    def rounded(*samples: Any) -> Case:
        baseline, current = (tuple(float(x) for x in np.round(sample, 4)) for sample in samples)
        return Case(numbers=True, baseline=baseline, current=current)

    broken = random.normal(0, 2, 1500), random.normal(0.5, 2, 600)
    broken[0][::50], broken[1][::9], broken[1][4::100] = np.nan, np.nan, np.inf
    return {
        "shifted": rounded(random.normal(size=5000), random.normal(0.3, 1.1, 700)),
        "heavy tails": rounded(random.standard_cauchy(4000), 1 + random.standard_cauchy(400)),
        "ties": rounded(random.poisson(3, 3000), random.poisson(3.5, 500)),
        "many zeros": rounded(*(np.maximum(random.normal(shift, 1, 2000), 0) for shift in (0.0, 0.2))),
        "beyond": rounded(random.uniform(0, 10, 900), random.uniform(-4, 17, 800)),
        "few rows": rounded(random.exponential(size=60), random.exponential(1.5, 50)),
        "many rows": rounded(random.uniform(0, 1, 12_000), random.beta(1, 1.2, 3000)),
        "with NaN": rounded(*broken),
    }


def _categories() -> dict[str, Case]:
    def spread(baseline: Mapping[str | None, int], current: Mapping[str | None, int]) -> Case:
        sides = (tuple(label for label, n in side.items() for _ in range(n)) for side in (baseline, current))
        return Case(False, *sides)

    return {
        "shops": spread(
            {"north": 2400, "east": 1300, "south": 700, "west": 350, "web": 250},
            {"north": 340, "east": 230, "south": 120, "west": 35, "web": 75},
        ),
        "two values": spread({"true": 900, "false": 2100}, {"true": 170, "false": 330}),
        "unseen": spread(
            {"card": 1800, "cash": 900, "cheque": 200, "voucher": 100},
            {"card": 260, "cash": 90, "points": 25, "crypto": 15},
        ),
        "with missing": spread({"a": 500, "b": 300, None: 120, "c": 180}, {"a": 140, None: 90, "b": 110, "c": 60}),
        "whole shares": spread({"a": 512, "b": 256, "c": 128, "d": 128}, {"a": 110, "b": 70, "c": 40, "d": 36}),
    }
