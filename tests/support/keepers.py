"""Monitors in memory whose baseline is not a file: one window a second, with whatever amounts are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.baseline import Baseline, BaselineSpec, PreviousBaselineSpec, TrailingBaselineSpec
from monitor.detectors.presence import MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.engine import Engine
from monitor.plan import MonitorPlan
from monitor.results import WindowResult
from monitor.types import Level
from tests.support.monitors import COUNTRIES, FIRST_MS, fetch, make_baseline, make_engine, make_plan, record

ROWS = 200
DETECTORS: Mapping[str, Sequence[Any]] = {
    "amount": (PsiSpec(min_rows=5),),
    "country": (PsiSpec(min_rows=5), MissingSpec(min_rows=5)),
}
TRAILING = TrailingBaselineSpec(path="x", windows=5, quarantine=2, min_windows=2)
PREVIOUS = PreviousBaselineSpec(path="x")


def plan_of(keeping: BaselineSpec, *, baseline: Baseline | None = None, **settings: Any) -> MonitorPlan:
    """Return a plan with a baseline kept in this way."""
    settings = {"detectors": DETECTORS, "row_checks": (), "window_checks": (), "lateness_ms": 0} | settings
    return replace(make_plan(baseline=baseline or make_baseline(), **settings), keeping=keeping)


def second(number: int, shift: float = 0.0, *, n: int = ROWS, country: str = "") -> list[bytes]:
    """Return the records of one window: gamma amounts, shifted, and usual countries or always the same."""
    rng = np.random.default_rng(number)
    amounts = np.round(rng.gamma(4.0, 10.0, n) * 2) / 2 + shift
    names = [country or COUNTRIES[code] for code in rng.choice(3, n, p=[0.6, 0.3, 0.1])]
    times = FIRST_MS + 1_000 * number + np.sort(rng.integers(0, 1_000, n))
    return [record(int(t), float(a), c) for t, a, c in zip(times, amounts, names, strict=True)]


def run(engine: Engine, seconds: Sequence[Sequence[bytes]], at: int = 0) -> list[WindowResult]:
    """Feed windows to the engine, one a step; return what was judged, without the last window."""
    found: list[WindowResult] = []
    for values in seconds:
        if values:
            found += engine.step([fetch(values, at=at)], FIRST_MS).windows
            at += len(values)
    return found


def judged(plan: MonitorPlan, seconds: Sequence[Sequence[bytes]]) -> list[WindowResult]:
    """Return what a new engine judges of these windows and the one after."""
    engine = make_engine(plan)
    results = run(engine, seconds)
    return [*results, *engine.finish().windows]


def levels(results: Sequence[WindowResult], field: str = "amount", detector: str = "psi") -> list[Level]:
    """Return the level of one detector in each window, on all rows."""
    return [
        next(v.level for v in result.verdicts if (v.field, v.detector, v.segment) == (field, detector, ""))
        for result in results
    ]


def reasons(results: Sequence[WindowResult], field: str = "amount", detector: str = "psi") -> list[str]:
    """Return the reason of one detector in each window, on all rows."""
    return [
        next(v.reason for v in result.verdicts if (v.field, v.detector, v.segment) == (field, detector, ""))
        for result in results
    ]
