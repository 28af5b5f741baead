"""Faults of numbers: they shift, spread, change unit or sign, are rounded, clipped or stuck."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from monitor.doping.cells import present_numbers
from monitor.doping.fault import Apply, Curve, Fault, replaced, tried, with_column
from monitor.types import FloatArray, MaskArray

_CENTS = 100.0
_HUGE = 1e300


def mean_shift(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Add so many standard deviations to every value."""
    values, usable = numbers_of(table, field)
    return with_numbers(table, field, values + severity * _deviation(values[usable]), usable, rng)


def scale(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let every value lie further from the mean by this part of its distance: 1 doubles the spread."""
    values, usable = numbers_of(table, field)
    mean = float(values[usable].mean()) if usable.any() else 0.0
    return with_numbers(table, field, values + severity * (values - mean), usable, rng)


def unit_change(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values be 100 times as large, as cents are for euros."""
    values, usable = numbers_of(table, field)
    return with_numbers(table, field, values * _CENTS, usable & (rng.random(values.size) < severity), rng)


def sign_flip(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values have the other sign."""
    values, usable = numbers_of(table, field)
    return with_numbers(table, field, -values, usable & (rng.random(values.size) < severity), rng)


def rounding(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Cut every value off to a whole multiple of so many standard deviations, towards minus infinity."""
    values, usable = numbers_of(table, field)
    step = severity * _deviation(values[usable])
    cut = np.floor(values / step) * step if step > 0 else values
    return with_numbers(table, field, cut, usable, rng)


def clipping(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let no value be above the one that this share of the values are above: a sensor that saturates."""
    values, usable = numbers_of(table, field)
    top = float(np.quantile(values[usable], 1 - min(severity, 1.0))) if usable.any() else 0.0
    return with_numbers(table, field, np.minimum(values, top), usable & (values > top), rng)


def _by_mean(apply: Apply) -> Callable[[pa.Table, str], Curve]:
    """Return the curve by the cells or by how far the mean moves, whichever is plainer.

    What happens within one cell is seen by the mean alone.
    """
    by_cells = tried(apply)

    def of(table: pa.Table, field: str) -> Curve:
        curve, column = by_cells(table, field), table.select([field])
        values = present_numbers(table[field])
        deviation, mean = _deviation(values), float(values.mean()) if values.size else 0.0
        if not deviation:
            return curve

        def at(severity: float) -> float:
            after = present_numbers(apply(column, field, severity, np.random.default_rng(0))[field])
            return max(curve(severity), float(((after.mean() - mean) / deviation) ** 2))

        return at

    return of


def numbers_of(table: pa.Table, field: str) -> tuple[FloatArray, MaskArray]:
    """Return the field's numbers, NaN where there is none, and which are finite."""
    values: FloatArray = table[field].to_numpy().astype(np.float64)
    return values, np.isfinite(values)


def with_numbers(
    table: pa.Table, field: str, values: FloatArray, changed: MaskArray, rng: np.random.Generator
) -> pa.Table:
    """Return the table with other numbers where `changed`.

    Where all numbers were whole they stay whole, rounded up or down by chance so that the mean is kept.
    """
    before, usable = numbers_of(table, field)
    after = np.clip(values, -_HUGE, _HUGE)
    if not np.remainder(before[usable], 1).any():
        after = np.floor(after + np.where(np.remainder(after, 1) > 0, rng.random(after.size), 0.0))
    after = np.where(changed, after, before)
    return with_column(table, field, pa.array(after, from_pandas=True, mask=np.isnan(after)))


def _deviation(values: FloatArray) -> float:
    return float(values.std()) if values.size else 0.0


def median_of(column: pa.ChunkedArray) -> float:
    """Return the value in the middle, which is one of the values; 0 without any."""
    values = np.sort(present_numbers(column))
    return float(values[values.size // 2]) if values.size else 0.0


NUMBER_FAULTS = (
    Fault("mean_shift", "all values are {} higher", "deviations", 10.0, "number", mean_shift, tried(mean_shift)),
    Fault("scale", "all values spread {} wider", "factor", 100.0, "number", scale, tried(scale)),
    Fault("unit_change", "{} of the values are 100 times as large", "share", 1.0, "number", unit_change,
          replaced(unit_change)),
    Fault("sign_flip", "{} of the values have the other sign", "share", 1.0, "number", sign_flip, replaced(sign_flip)),
    Fault("rounding", "all values are cut off to multiples of {}", "deviations", 10.0, "number", rounding,
          _by_mean(rounding)),
    Fault("clipping", "the highest {} of the values are cut to one", "share", 1.0, "number", clipping,
          _by_mean(clipping)),
)  # fmt: skip
