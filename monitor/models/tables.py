"""The tables behind a classifier's metrics: which class was taken for which, and how often a score was right."""

from __future__ import annotations

import numpy as np

from monitor.model_views import CalibrationView, ConfusionView, ModelTables
from monitor.performance import PerformanceCounts
from monitor.types import IntArray

MAX_CLASSES = 12
"""So many classes are shown; of more the most frequent ones, and the rest as one."""
REST = "(rest)"
_MAX_CURVES = 6


def tables_of(
    now: PerformanceCounts | None, before: PerformanceCounts | None, window: tuple[int, int]
) -> ModelTables | None:
    """Return the tables of all rows with labels in a cohort, its baseline's beside; None of a regression or no rows."""
    if now is None or now.task.kind == "regression" or not now.labelled[0]:
        return None
    return ModelTables(_confusion(now, before), _calibration(now), *window)


def _confusion(now: PerformanceCounts, before: PerformanceCounts | None) -> ConfusionView:
    confusion, classes = now.classes.confusion[0], now.task.classes
    kept, names = np.arange(len(classes)), list(classes)
    if len(classes) > MAX_CLASSES:
        often = np.argsort(-confusion.sum(axis=1), kind="stable")[: MAX_CLASSES - 1]
        kept = np.sort(often)
        names = [*(classes[place] for place in kept.tolist()), REST]
    reference = None if before is None else _lumped(before.classes.confusion[0], kept)
    return ConfusionView(tuple(names), _lumped(confusion, kept), reference)


def _lumped(confusion: IntArray, kept: IntArray) -> tuple[tuple[int, ...], ...]:
    """Return the counts of the classes that are kept, and all others as one more class where there are any."""
    places = np.full(len(confusion), kept.size)
    places[kept] = np.arange(kept.size)
    size = kept.size + (kept.size < len(confusion))
    found = np.zeros((size, size), np.int64)
    np.add.at(found, (places[:, None], places[None, :]), confusion)
    return tuple(tuple(row) for row in found.tolist())


def _calibration(now: PerformanceCounts) -> tuple[CalibrationView, ...]:
    """Return a curve for each scored class that has rows with probabilities, at most six."""
    counts, found = now.classes, []
    for i, place in enumerate(now.task.scored[:_MAX_CURVES]):
        rows, positives, scores = counts.bin_rows[0, i], counts.bin_positives[0, i], counts.bin_scores[0, i]
        filled = rows > 0
        if filled.any():
            n = rows[filled]
            mean, share = (scores[filled] / n).tolist(), (positives[filled] / n).tolist()
            found.append(CalibrationView(now.task.classes[place], tuple(mean), tuple(share), tuple(n.tolist())))
    return tuple(found)
