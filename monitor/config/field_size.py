"""What the accumulators of a field take in a pane, from states that are really built where they are small."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np
import pyarrow as pa

from monitor.accumulators.frame import Frame
from monitor.accumulators.presence import PresenceSpec
from monitor.accumulators.vector import SEGMENTED_DIMENSION
from monitor.baseline import profile_specs
from monitor.inner_types import language_sample, vector_dimension, vector_type
from monitor.protocols import State
from monitor.types import Column, FieldType, Groups

_LANGUAGES = 140
_DIMENSIONS = 4  # of segments, taken to be so many
_SAMPLE_ROWS = 20_000
"""Enough to fill a quantile sketch to about the size it stays at."""


@cache
def field_bytes(kind: FieldType, known: int, baseline: bool) -> tuple[int, int]:  # noqa: FBT001 - part of the key
    """Return the bytes of a field's accumulators that do not, and that do, grow with each group."""
    numeric = kind in ("number", "integer")
    dimension = vector_dimension(kind)
    if dimension is not None:
        return _vector_bytes(dimension)
    sample = language_sample(kind)
    if sample is not None:
        return _language_bytes(sample, min(known, _LANGUAGES))
    frame = None
    if baseline and numeric:
        frame = Frame.of_numbers(np.arange(1000.0))
    elif baseline:
        frame = Frame.of_categories(pa.array([str(i) for i in range(known)], pa.string()), max_categories=max(known, 1))
    sizes = []
    for groups in (1, 2):
        total = 0
        for spec in profile_specs("field", kind):
            accumulator: Any = cast("Any", spec).build(frame, groups)
            if numeric:
                column = Column(np.arange(float(_SAMPLE_ROWS)), np.zeros(_SAMPLE_ROWS, np.uint8))
                accumulator.update(column, _all_in_last(groups))
            total += state_bytes(accumulator.state())
        sizes.append(total)
    per_group = sizes[1] - sizes[0]
    return sizes[0] - per_group, per_group


def group_bytes(fields: int, features: int) -> int:
    """Return the bytes that a group of fields takes for each group of rows: of a symmetric matrix the upper half."""
    numbers = fields + 1  # the fields and the residual
    return 8 * (2 + 2 * numbers + numbers * (numbers + 1) // 2) + (8 * (1 + features) if features else 0)


def _vector_bytes(dimension: int) -> tuple[int, int]:
    """Return the same of a vector field, from the sizes of two short ones: nobody builds a large one for this."""
    presence, fixed = (state_bytes(spec.build(None, 1).state()) for spec in profile_specs("field", vector_type(1)))
    matrix = 8 * (1 + 2 * dimension + dimension * (dimension + 1) // 2)
    norms = fixed - 8 * (1 + 2 + 1)
    segmented = dimension <= SEGMENTED_DIMENSION
    return (0, presence + norms + matrix) if segmented else (matrix, presence + norms)


def _language_bytes(sample: int, known: int) -> tuple[int, int]:
    """Return the same of the languages of a text: a sample of rows, and their counts by presence and language."""
    presence = state_bytes(PresenceSpec(field="field").build(None, 1).state())
    return 8 * sample * (2 + _DIMENSIONS), presence + 8 * (known + 2)


def _all_in_last(groups: int) -> Groups:
    codes = (np.full(_SAMPLE_ROWS, groups - 1, np.int32),) if groups > 1 else ()
    return Groups(groups, codes)


def state_bytes(state: State) -> int:
    """Return the size of the arrays, bytes and texts of a state."""
    total = 0
    for value in state.values():
        if isinstance(value, np.ndarray):
            total += value.nbytes
        elif isinstance(value, bytes | str):
            total += len(value)
        elif isinstance(value, dict):
            total += state_bytes(value)
        else:
            total += 8
    return total
