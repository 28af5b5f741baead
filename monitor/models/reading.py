"""From a batch's columns to what a model said and what was true: class indices, numbers, probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.models.plan import ModelPlan
from monitor.performance import Outcomes
from monitor.types import Column, FloatArray, Groups, IntArray, MaskArray


def outcomes(plan: ModelPlan, columns: Mapping[str, Column], groups: Groups, n: int) -> Outcomes:
    """Return the outcomes of n rows; a class that is none of the task's is missing."""
    fields = plan.fields
    nothing = np.full(n, -1, np.int64)
    predicted = nothing if fields.prediction is None else _values(plan, columns[fields.prediction])
    label = None if fields.label is None else _values(plan, columns[fields.label])
    return Outcomes(predicted, label, probability(plan, columns), groups)


def probability(plan: ModelPlan, columns: Mapping[str, Column]) -> FloatArray | None:
    """Return the probability of the positive class (n), or of each class (n x K), NaN where missing; None without."""
    found = plan.fields.probabilities
    if not found:
        return None
    if plan.task.kind == "binary":
        by_class = dict(found)
        path = by_class.get(None) or by_class.get(plan.task.classes[1])
        return _numbers(columns[path]) if path is not None else 1 - _numbers(columns[found[0][1]])
    paths = {name: path for name, path in found if name is not None}
    return np.stack([_numbers(columns[paths[name]]) for name in plan.task.classes], axis=1)


def said(found: Outcomes, plan: ModelPlan) -> FloatArray:
    """Return the prediction and the probabilities of each row (n x 1+S); a class that is missing is NaN."""
    first = np.asarray(found.predicted, np.float64)
    first = first if plan.task.kind == "regression" else np.where(first >= 0, first, np.nan)
    if found.probability is None:
        return first[:, None]
    p, _ = found.probabilities(plan.task)
    return np.column_stack((first, p))


def said_anything(found: Outcomes, plan: ModelPlan) -> MaskArray:
    """Return the rows that are predictions."""
    return known(said(found, plan))


def known(numbers: FloatArray) -> MaskArray:
    """Return the rows that say anything: a prediction, or all probabilities."""
    given: MaskArray = ~np.isnan(numbers[:, 0])
    return given | ~np.isnan(numbers[:, 1:]).any(axis=1) if numbers.shape[1] > 1 else given


def _values(plan: ModelPlan, column: Column) -> IntArray | FloatArray:
    return _numbers(column) if plan.task.kind == "regression" else codes(column, plan.task.classes)


def _numbers(column: Column) -> FloatArray:
    """Return a number column with NaN for what is not there."""
    return np.where(column.ok, np.asarray(column.values, np.float64), np.nan)


def codes(column: Column, classes: tuple[str, ...]) -> IntArray:
    """Return the place of each row's value in `classes`, -1 for all others; numbers are classes by their value."""
    found = np.full(len(column), -1, np.int64)
    if isinstance(column.values, np.ndarray):
        for place, name in enumerate(classes):
            value = _number(name)
            if value is not None:
                found[column.ok & (column.values == value)] = place
        return found
    encoded = column.encoded
    places = pc.index_in(encoded.dictionary, value_set=pa.array(classes, pa.string())).fill_null(-1)
    found[column.ok] = np.asarray(places).astype(np.int64)[np.asarray(encoded.indices)]
    return found


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
