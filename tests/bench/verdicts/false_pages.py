"""False pages of everybody on one stream and null, in three leagues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from monitor.types import FloatArray, MaskArray
from tests.bench.verdicts.bars import WEEKS
from tests.bench.verdicts.bench import Bench
from tests.bench.verdicts.leagues import (
    DEFAULT_CUT,
    LEAGUES,
    RIVER,
    SLOW,
    in_order,
    pages_at,
    river_pages,
    tuned_cut,
    tuned_threshold,
)
from tests.bench.verdicts.ours import calm
from tests.bench.verdicts.rules import RULES

OURS, EVIDENCE = "driftline", "driftline, evidence"
RIVER_RUNS = 3
"""River is fed one value at a time: so many runs of it must be enough."""
_SLOW_SLOTS = 300


def measured(bench: Bench, null: str, runs: int) -> Iterator[dict[str, Any]]:
    """Yield a row for every contender and league."""
    found = calm(bench.data, bench.streams, bench.order(null, runs))
    for name, pages in ((EVIDENCE, found.alarms), (OURS, found.pages)):
        yield _row(bench, null, name, "defaults", pages, found.slots, audit=found.audit)
    order, tuning = bench.order(null, runs), bench.tuning_order(null, runs)
    for rule in RULES:
        heard = in_order(bench.ratios.of_rule[rule], rule, order)
        before = in_order(bench.tuning_ratios.of_rule[rule], rule, tuning)
        cuts = DEFAULT_CUT, tuned_cut(before), tuned_cut(heard)
        for league, cut in zip(LEAGUES, cuts, strict=True):
            pages = pages_at(heard, cut)
            quiet = float((heard >= cut).any(axis=2).mean())
            yield _row(bench, null, rule, league, pages.sum(), order.size, setting=cut, firing=quiet)
    for name, (_, thresholds) in RIVER.items():
        if name == SLOW and null == WEEKS:
            continue
        fed = bench.ratios.fed[order[:1, :_SLOW_SLOTS] if name == SLOW else order[:RIVER_RUNS]]
        yield _of_river(bench, null, name, "defaults", river_pages(name, thresholds[0], fed), thresholds[0])
        if name != SLOW:
            threshold = tuned_threshold(name, bench.tuning_ratios.fed[tuning[:RIVER_RUNS]])[0]
            yield _of_river(bench, null, name, "tuned", river_pages(name, threshold, fed), threshold)


def interval(pages: int, slots: float) -> tuple[float, float]:
    """Return the 95 % interval of a Poisson rate, per thousand slots."""
    low = float(special.gammaincinv(pages, 0.025)) if pages else 0.0
    return low * 1000 / slots, float(special.gammaincinv(pages + 1, 0.975)) * 1000 / slots


def _of_river(bench: Bench, null: str, name: str, league: str, pages: MaskArray, threshold: float) -> dict[str, Any]:
    slots = pages.shape[0] * pages.shape[1]
    firing = float(pages.any(axis=2).mean())
    return _row(bench, null, name, league, pages.sum(), slots, setting=threshold, firing=firing)


def _row(
    bench: Bench, null: str, contender: str, league: str, pages: Any, slots: float, **more: float | FloatArray
) -> dict[str, Any]:
    low, high = interval(int(pages), slots)
    numbers = {"pages": int(pages), "per_1000": int(pages) * 1000 / slots, "low": low, "high": high}
    named = {"stream": bench.data.name, "null": null, "contender": contender, "league": league, "slots": round(slots)}
    return {**named, **{key: _short(value) for key, value in (numbers | more).items()}}


def _short(value: Any) -> Any:
    return float(f"{float(value):.4g}") if isinstance(value, float | np.floating) else value
