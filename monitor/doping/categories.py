"""Faults of categories: new ones, two that are taken for each other, wrong labels, and a segment that vanishes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.doping.cells import Cells, by_frequency, distance
from monitor.doping.fault import Curve, Fault, fewer, replaced, with_column

NEW_CATEGORY = "driftline-dope"
_COMMON = 20


def new_category(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values be one that has never been there."""
    column = table[field].combine_chunks()
    chosen = pa.array(column.is_valid().to_numpy(zero_copy_only=False) & (rng.random(table.num_rows) < severity))
    return with_column(table, field, pc.if_else(chosen, pa.scalar(NEW_CATEGORY, column.type), column))


def category_swap(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let the most frequent value and the rarest of the twenty most frequent change places in a share of the rows."""
    column, common = table[field].combine_chunks(), by_frequency(table[field])[:_COMMON]
    if len(common) < 2:
        return table
    one, other = common[0], common[-1]
    swapped = pc.if_else(pc.equal(column, one), other, pc.if_else(pc.equal(column, other), one, column))
    chosen = pa.array(rng.random(table.num_rows) < severity)
    return with_column(table, field, pc.if_else(chosen, swapped, column))


def label_flip(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the values be another one of the twenty most frequent, any of them alike."""
    column, common = table[field].combine_chunks(), by_frequency(table[field])[:_COMMON]
    if len(common) < 2:
        return table
    n, k = table.num_rows, len(common)
    own = pc.fill_null(pc.index_in(column, value_set=common), -1).to_numpy(zero_copy_only=False)
    chosen = (rng.random(n) < severity) & column.is_valid().to_numpy(zero_copy_only=False)
    steps = rng.integers(1, k, n)
    others = common.take(pa.array((own + steps) % k))
    return with_column(table, field, pc.if_else(pa.array(chosen), others, column))


def vanished_segment(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Drop a share of the rows that have the most frequent value."""
    common = by_frequency(table[field])
    if not len(common):
        return table
    own = pc.fill_null(pc.equal(table[field], common[0]), fill_value=False).to_numpy()
    return table.filter(pa.array(~(own & (rng.random(table.num_rows) < severity))))


def _vanishing(table: pa.Table, field: str) -> Curve:
    """Return the curve by the values that are left, or by how many rows are, whichever is plainer."""
    cells = Cells.of(table[field])
    before = cells.shares(table[field])
    by_rows = fewer(table, field)

    def at(severity: float) -> float:
        left = before.copy()
        left[0] *= 1 - severity
        return max(distance(before, left / max(left.sum(), 1e-12)), by_rows(severity * float(before[0])))

    return at


def _mislabelled(table: pa.Table, field: str) -> Curve:
    """Return the curve by the shares of the labels; where all are as frequent, only their share itself counts."""
    marginal = replaced(label_flip)(table, field)
    at_least = 0.25 if len(by_frequency(table[field])) > 1 else 0.0
    return lambda severity: max(marginal(severity), at_least * severity * severity)


CATEGORY_FAULTS = (
    Fault("new_category", "{} of the values are a new category", "share", 1.0, "text", new_category,
          replaced(new_category)),
    Fault("category_swap", "in {} of the rows a frequent and a rare value change places", "share", 1.0, "text",
          category_swap, replaced(category_swap)),
    Fault("label_flip", "{} of the values are another category", "share", 1.0, "text", label_flip, _mislabelled),
    Fault("vanished_segment", "{} of the rows with the most frequent value are missing", "share", 1.0, "text",
          vanished_segment, _vanishing),
)  # fmt: skip
