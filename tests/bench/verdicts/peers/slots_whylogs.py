"""whylogs' drift scores between the profiles of the baseline and of each slot, by its defaults."""

from __future__ import annotations

import pandas as pd
import whylogs
from slots import Slots, log_ratio, write
from whylogs.viz.drift.column_drift_algorithms import KS, ChiSquare, calculate_drift_scores

ALPHA = 0.05
slots = Slots()


def profile(values):
    """Return the profile of one column."""
    return whylogs.log(pd.DataFrame({"x": values})).view()


def rows():
    """Yield the p-value's ratio and whether it is drift."""
    for column in slots.columns:
        before = profile(slots.baseline(column))
        for number in range(slots.count):
            values = slots.slot(column, number)
            if len(values):
                algorithm = KS() if slots.is_number(column) else ChiSquare()
                said = calculate_drift_scores(profile(values), before, drift_map={"x": algorithm}, with_thresholds=True)
                yield column, number, log_ratio(said["x"]["pvalue"], ALPHA), int(said["x"]["drift_category"] == "DRIFT")


write("whylogs", rows())
