"""whylogs' answers, from its drift scores between two profiles; the counts of its cells from their sketches."""

from __future__ import annotations

import pandas as pd
import whylogs
from rows import Answers, inputs
from whylogs.viz.drift.column_drift_algorithms import KS, ChiSquare, Hellinger, calculate_drift_scores
from whylogs.viz.drift.configs import HellingerConfig, KSTestConfig
from whylogs.viz.utils import _calculate_bins

answers = Answers("whylogs")


def profiles(sides):
    """Return the profiles of both samples."""
    return [whylogs.log(pd.DataFrame({"x": side})).view() for side in sides]


def scored(name, case, given, statistic, sides, algorithm):
    """Note statistic and p-value, where there is one."""
    baseline, current = sides
    found = calculate_drift_scores(current, baseline, drift_map={"x": algorithm})["x"]
    answers.value(name, case, given, statistic, found["statistic"])
    if found["pvalue"] is not None:
        answers.value(name, case, given, f"{statistic}_p", found["pvalue"])


def hellinger_cells(sketches):
    """Return the cuts of `Hellinger`, as it takes them from two sketches."""
    config = HellingerConfig()
    return _calculate_bins(
        end=max(sketch.get_max_value() for sketch in sketches),
        start=min(sketch.get_min_value() for sketch in sketches),
        n=sum(sketch.get_n() for sketch in sketches),
        avg_per_bucket=config.hist_avg_number_per_bucket,
        max_buckets=config.max_hist_buckets,
        min_n_buckets=config.min_n_buckets,
    )[0]


def own_cells(name, sides):
    """Note what the sketches hold between the cuts of `Hellinger`, and between the points `KS` looks at."""
    sketches = [side.get_column("x").get_metric("distribution").kll.value for side in sides]
    points = {x for sketch in sketches for x in sketch.get_quantiles(KSTestConfig().quantiles)}
    for statistic, cuts in ("hellinger", hellinger_cells(sketches)), ("ks", sorted(points)):
        counts = [[share * sketch.get_n() for share in sketch.get_pmf(cuts)] for sketch in sketches]
        answers.counts(name, statistic, *counts, edges=[float("-inf"), *cuts])


for name, case in inputs(infinities=False).items():
    if case["numbers"]:
        sides = profiles(case["own"])
        scored(name, case, "own", "hellinger", sides, Hellinger())
        scored(name, case, "own", "ks", sides, KS())
        own_cells(name, sides)
        scored(name, case, "steps", "ks", profiles(case["steps"]), KS())
    else:
        scored(name, case, "own", "chi2", profiles(case["own"]), ChiSquare())
    scored(name, case, "cells", "chi2", profiles(case["cells"]), ChiSquare())
answers.write()
