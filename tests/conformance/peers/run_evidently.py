"""Evidently's answers, from its reports; the counts of its cells from the functions that the reports call."""

from __future__ import annotations

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests.tvd_stattest import _total_variation_distance
from evidently.legacy.calculations.stattests.utils import get_binned_data
from evidently.legacy.core import ColumnType
from evidently.metrics import ValueDrift
from rows import Answers, inputs

DIVERGENCES = {"psi": "psi", "kl": "kl_div", "js": "jensenshannon", "hellinger": "hellinger"}
OF_NUMBERS = {**DIVERGENCES, "wasserstein": "wasserstein", "ks_p": "ks"}
OF_CATEGORIES = {**DIVERGENCES, "chi2_p": "chisquare"}
ON_OUR_CELLS = {"cells": OF_CATEGORIES, "steps": {"ks_p": "ks"}, "means": {"wasserstein": "wasserstein"}}

answers = Answers("evidently")


def report(sides, method, *, numbers):
    """Return the drift score that a report gives for one column."""
    kind = "numerical_columns" if numbers else "categorical_columns"
    baseline, current = (
        Dataset.from_pandas(pd.DataFrame({"x": side}), data_definition=DataDefinition(**{kind: ["x"]}))
        for side in sides
    )
    return Report([ValueDrift(column="x", method=method)]).run(current, baseline).dict()["metrics"][0]["value"]


def usable(side):
    """Return the values as a report cleans them."""
    return pd.Series(side).replace([-np.inf, np.inf], np.nan).dropna()


def own_cells(name, sides, *, numbers):
    """Note the counts that the shares were made of, before zeros are filled."""
    before, now = (usable(side) for side in sides)
    shares = get_binned_data(before, now, ColumnType.Numerical if numbers else ColumnType.Categorical, 30, False)
    edges = None
    if numbers and before.nunique() > 20:
        edges = np.histogram_bin_edges(np.concatenate([before, now]), bins="sturges")
    answers.counts(name, "divergences", shares[0] * len(before), shares[1] * len(now), edges)
    if numbers:  # `hellinger` has other cells than the others
        edges = np.histogram_bin_edges(list(set(before.unique()) | set(now.unique())), bins="sturges")
        answers.counts(name, "hellinger", np.histogram(before, edges)[0], np.histogram(now, edges)[0], edges)


for name, case in inputs().items():
    numbers = case["numbers"]
    for statistic, method in (OF_NUMBERS if numbers else OF_CATEGORIES).items():
        answers.value(name, case, "own", statistic, report(case["own"], method, numbers=numbers))
    own_cells(name, case["own"], numbers=numbers)
    for given, methods in ON_OUR_CELLS.items():
        for statistic, method in methods.items() if given in case else ():
            answers.value(name, case, given, statistic, report(case[given], method, numbers=given != "cells"))
    answers.value(name, case, "cells", "tv", _total_variation_distance(*(pd.Series(x) for x in case["cells"])))
answers.write()
