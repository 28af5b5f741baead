"""NannyML's univariate drift by its defaults, Jensen-Shannon, with a slot as a chunk."""

from __future__ import annotations

import numpy as np
import pandas as pd
from nannyml import UnivariateDriftCalculator
from slots import Slots, write

slots = Slots()
_FIRST, _LATER = "2001-01-01", "2010-01-01"


def frame(column, side, numbers, first):
    """Return one column with a day for each slot."""
    values = pd.Series(side)
    if not slots.is_number(column):
        values = values.where(values != "", None)
    days = pd.Timestamp(first) + pd.to_timedelta(np.unique(numbers, return_inverse=True)[1], unit="D")
    return pd.DataFrame({"x": values, "at": days})


def rows():
    """Yield value over threshold and alert of every column and slot."""
    for column in slots.columns:
        before, now = slots.whole(column)
        calculator = UnivariateDriftCalculator(
            column_names=["x"],
            timestamp_column_name="at",
            chunk_period="D",
            treat_as_categorical=None if slots.is_number(column) else ["x"],
        ).fit(frame(column, before, slots.of_baseline, _FIRST))
        found = calculator.calculate(frame(column, now, slots.of_slots, _LATER)).filter(period="analysis").to_df()
        part = found["x", "jensen_shannon"]
        for number, (value, limit, alert) in enumerate(
            zip(part["value"], part["upper_threshold"], part["alert"], strict=True)
        ):
            yield column, number, float(value / limit), int(alert)


write("nannyml", rows())
