"""Groups of numeric fields for tests: columns, frames and accumulators from a matrix of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.accumulators import ComomentSpec, FourierSpec, GroupFrame, SampleSpec
from monitor.baseline.groups import NumberGroup, group_frame
from monitor.segments import Segmenter
from monitor.types import Column, FloatArray, Groups, Presence

FEATURES = 128


def names(d: int) -> tuple[str, ...]:
    """Return the names of d fields."""
    return tuple(f"f{i}" for i in range(d))


def columns_of(matrix: FloatArray) -> tuple[Column, ...]:
    """Return the columns of a matrix (rows x d); NaN is null."""
    return tuple(
        Column(np.ascontiguousarray(column), np.where(np.isnan(column), Presence.NULL, 0).astype(np.uint8))
        for column in matrix.T
    )


def frame_of(matrix: FloatArray, features: int = FEATURES) -> GroupFrame:
    """Return the frame of a group `g` whose baseline are the rows of the matrix."""
    group = NumberGroup("g", names(matrix.shape[1]), features)
    columns = dict(zip(group.fields, columns_of(matrix), strict=True))
    return group_frame(group, lambda paths: iter([{path: columns[path] for path in paths}]), Segmenter())


def folded(kind: str, frame: GroupFrame, matrix: FloatArray, groups: Groups | None = None) -> Any:
    """Return the accumulator (`comoment`, `fourier` or `sample`) of the rows of the matrix."""
    found = Groups() if groups is None else groups
    spec: Any = ComomentSpec(group="g", fields=frame.fields)
    if kind == "sample":
        spec = SampleSpec(group="g", fields=frame.fields)
    elif kind == "fourier":
        spec = FourierSpec(group="g", fields=frame.fields, features=frame.features)
    accumulator = spec.build(frame, found.size)
    accumulator.update(columns_of(matrix), found)
    return accumulator


def compared(spec: Any, before: FloatArray, now: FloatArray, rho: float = 0.0) -> Any:
    """Return the score of rows against a baseline of rows."""
    frame = frame_of(before, getattr(spec, "features", 0))
    kind = spec.build().needs("g", frame.fields).kind
    return spec.build().compare(folded(kind, frame, before), folded(kind, frame, now), rho)
