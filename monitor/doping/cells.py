"""The cells that a column falls into, and how far one distribution over them is from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.types import FloatArray

_BUCKETS = 10
_VALUES = 50


@dataclass(frozen=True, eq=False)
class Cells:
    """Ten buckets of equal size for numbers, the 50 most frequent values for texts; then other values, then none."""

    cuts: FloatArray | None
    values: pa.Array = None

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Cells:
        """Return the cells of a column of numbers, or of texts; one without a value has a single cell."""
        if is_number(column):
            numbers = present_numbers(column)
            inner = np.linspace(0, 1, _BUCKETS + 1)[1:-1]
            return cls(np.unique(np.quantile(numbers, inner)) if numbers.size else np.zeros(0))
        return cls(None, by_frequency(column)[:_VALUES])

    def shares(self, column: pa.ChunkedArray) -> FloatArray:
        """Return the share of the rows in each cell; of no rows all 0."""
        n = len(column)
        if self.cuts is not None:
            numbers = present_numbers(column)
            counts = np.bincount(np.searchsorted(self.cuts, numbers, side="right"), minlength=self.cuts.size + 2)
        else:
            places = pc.index_in(present(column), value_set=self.values)
            known = np.bincount(pc.drop_null(places).to_numpy().astype(np.int64), minlength=len(self.values))
            counts = np.append(known, int(places.null_count))
        return np.append(counts, n - counts.sum()) / max(n, 1)


def distance(before: FloatArray, after: FloatArray) -> float:
    """Return 4 Σ(√q - √p)², what one row adds to the noncentrality of Freeman and Tukey's χ².

    It is Σ(q - p)²/p for small changes, and finite where p is 0; for one share it is the square of Cohen's h.
    """
    return float(4 * np.square(np.sqrt(after) - np.sqrt(before)).sum())


def is_number(column: pa.ChunkedArray) -> bool:
    """Return whether a column holds numbers."""
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def present(column: pa.ChunkedArray) -> pa.Array:
    """Return the values that are not null, in one piece."""
    return pc.drop_null(column).combine_chunks() if isinstance(column, pa.ChunkedArray) else pc.drop_null(column)


def present_numbers(column: pa.ChunkedArray) -> FloatArray:
    """Return the finite numbers."""
    numbers: FloatArray = present(column).to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers[np.isfinite(numbers)]


def by_frequency(column: pa.ChunkedArray) -> pa.Array:
    """Return the different values, the most frequent first and equally frequent ones in their own order."""
    counted = pa.Table.from_struct_array(pc.value_counts(present(column)))
    order = pc.sort_indices(counted, sort_keys=[("counts", "descending"), ("values", "ascending")])
    return counted["values"].take(order).combine_chunks()
