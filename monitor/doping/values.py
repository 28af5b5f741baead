"""Faults of values of any type: missing, in a ramp or at once, stuck, or a placeholder in their place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.doping.cells import by_frequency, is_number
from monitor.doping.fault import Fault, replaced, with_column
from monitor.doping.numbers import median_of
from monitor.types import MaskArray

_PLACEHOLDERS = (-999.0, "N/A")


def null_burst(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values be null, at once."""
    return _with_value(table, field, None, rng.random(table.num_rows) < severity)


def null_ramp(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let ever more values be null, the full share of them from the middle of the table on."""
    n = table.num_rows
    slope = np.minimum(1.0, np.arange(n) / max(n / 2, 1)) if severity < 1 else np.ones(n)
    return _with_value(table, field, None, rng.random(n) < severity * slope)


def stuck(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values be the median of them all, or the most frequent text."""
    column = table[field]
    frequent = None if is_number(column) else by_frequency(column)
    at = median_of(column) if frequent is None else frequent[0].as_py() if len(frequent) else None
    return _with_value(table, field, at, column.is_valid().to_numpy() & (rng.random(table.num_rows) < severity))


def placeholder(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values be -999, of texts N/A: what says that there is none, but not by being null."""
    number, text = _PLACEHOLDERS
    value = number if is_number(table[field]) else text
    return _with_value(table, field, value, rng.random(table.num_rows) < severity)


def _with_value(table: pa.Table, field: str, value: float | str | None, where: MaskArray) -> pa.Table:
    column = table[field].combine_chunks()
    return with_column(table, field, pc.if_else(pa.array(where), pa.scalar(value, column.type), column))


VALUE_FAULTS = (
    Fault("null_burst", "{} of the values are null", "share", 1.0, "any", null_burst, replaced(null_burst)),
    Fault("null_ramp", "ever more values are null, up to {}", "share", 1.0, "any", null_ramp, replaced(null_ramp)),
    Fault("stuck", "{} of the values are one and the same", "share", 1.0, "any", stuck, replaced(stuck)),
    Fault("placeholder", "{} of the values are a placeholder", "share", 1.0, "any", placeholder, replaced(placeholder)),
)
