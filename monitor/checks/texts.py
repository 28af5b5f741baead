"""Predicates over the usable texts of a column, and what they say of the rows of its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.types import Batch, FieldType, MaskArray

TEXTS: frozenset[FieldType] = frozenset({"category", "text"})
"""The types of field whose values are texts."""

TextPredicate = Callable[[pa.StringArray], MaskArray]
"""Which texts of an array without nulls fulfil something; one answer a text."""


def failing_texts(batch: Batch, field: str, fails: TextPredicate) -> tuple[MaskArray, MaskArray]:
    """Return the failing and the evaluated rows, which are those with a usable value.

    Raises KeyError when no column is the field's, TypeError when its values are numbers.
    """
    column = batch.columns[field]
    if isinstance(column.values, np.ndarray):
        raise TypeError(f"{field} is a number field, and its values are no texts")
    failing = fails(column.valid)
    if column.all_ok:
        return failing, column.ok
    failed = np.zeros(len(column), np.bool_)
    failed[column.ok] = failing
    return failed, column.ok


def mask(answers: Any) -> MaskArray:
    """Return an Arrow boolean array as a mask; null is false."""
    out: MaskArray = answers.fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow's signature
    return out


def matching(texts: pa.StringArray, pattern: str, *, ignore_case: bool = False) -> MaskArray:
    """Return which texts match an RE2 pattern from their first to their last character.

    Raises pyarrow.ArrowInvalid for what is no pattern; so does an empty array.
    """
    return mask(pc.match_substring_regex(texts, rf"\A(?:{pattern})\z", ignore_case=ignore_case))
