"""Evidently's drift preset with its own choice of tests; texts are left out, as it would train a classifier on them."""

from __future__ import annotations

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from turns import CATEGORIES, NUMBERS, frame, serve

_COLUMNS = [*NUMBERS, *CATEGORIES]
_DEFINITION = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=list(CATEGORIES))


def dataset(lines):
    """Return a window as the report wants it."""
    return Dataset.from_pandas(frame(lines)[_COLUMNS], data_definition=_DEFINITION)


serve("evidently", dataset, dataset, lambda baseline, window: Report([DataDriftPreset()]).run(window, baseline).dict())
