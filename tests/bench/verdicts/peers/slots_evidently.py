"""Evidently's own choice of test for each column, as its drift report takes it."""

from __future__ import annotations

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from slots import Slots, write

LIMIT = 0.1
slots = Slots()


def dataset(values, column):
    """Return one column as a report wants it."""
    kind = "numerical_columns" if slots.is_number(column) else "categorical_columns"
    return Dataset.from_pandas(pd.DataFrame({"x": values}), data_definition=DataDefinition(**{kind: ["x"]}))


def rows():
    """Yield what the report says of every column and slot."""
    for column in slots.columns:
        before = dataset(slots.baseline(column), column)
        for number in range(slots.count):
            values = slots.slot(column, number)
            if len(values):
                said = Report([ValueDrift(column="x")]).run(dataset(values, column), before).dict()
                value = float(said["metrics"][0]["value"])
                yield column, number, value / LIMIT, int(value >= LIMIT)


write("evidently", rows())
