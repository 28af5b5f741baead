"""NannyML's answers, from its univariate drift calculator; the current sample is one chunk."""

from __future__ import annotations

import numpy as np
import pandas as pd
from nannyml import UnivariateDriftCalculator
from rows import Answers, inputs

OF_NUMBERS = {
    "js": "jensen_shannon",
    "hellinger": "hellinger",
    "ks": "kolmogorov_smirnov",
    "wasserstein": "wasserstein",
}
OF_CATEGORIES = {"js": "jensen_shannon", "hellinger": "hellinger", "chi2": "chi2"}
ON_OUR_CELLS = {"cells": OF_CATEGORIES, "steps": {"ks": "kolmogorov_smirnov"}, "means": {"wasserstein": "wasserstein"}}

answers = Answers("nannyml")


def calculated(name, case, given, methods, *, numbers):
    """Note the numbers of all methods and return the fitted calculator."""
    kind = "continuous" if numbers else "categorical"
    other = "categorical" if numbers else "continuous"
    calculator = UnivariateDriftCalculator(
        column_names=["x"],
        chunk_number=1,
        treat_as_categorical=None if numbers else ["x"],
        **{f"{kind}_methods": list(methods.values()), f"{other}_methods": []},
    )
    baseline, current = (pd.DataFrame({"x": side}) for side in case[given])
    found = calculator.fit(baseline).calculate(current).filter(period="analysis").to_df()
    for statistic, method in methods.items():
        answers.value(name, case, given, statistic, found["x", method, "value"].iloc[0])
    return calculator


def own_cells(name, case, calculator):
    """Note the counts in the bins, or per value, of the fitted JS method, and what is left over."""
    method = calculator._column_to_models_mapping["x"][0]
    before, now = (pd.Series(side).dropna() for side in case["own"])
    bins = method._bins
    if case["numbers"]:
        counts, edges = np.histogram(now, bins)[0], bins  # the last edge is where the leftover above begins
    else:
        counts, edges = np.array([(now == value).sum() for value in bins]), None
    reference = method._reference_proba_in_bins * len(before)
    answers.counts(name, "divergences", [*reference, 0], [*counts, len(now) - counts.sum()], edges)


for name, case in inputs(infinities=False).items():
    methods = OF_NUMBERS if case["numbers"] else OF_CATEGORIES
    own_cells(name, case, calculated(name, case, "own", methods, numbers=case["numbers"]))
    for given, methods in ON_OUR_CELLS.items():
        if given in case:
            calculated(name, case, given, methods, numbers=given != "cells")
answers.write()
