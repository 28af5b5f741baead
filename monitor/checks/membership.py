"""A set of values as sorted 64-bit hashes: 8 bytes a value, however long it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.accumulators.hashing import HashArray, hash_numbers, hash_strings
from monitor.checks.value_files import UnfitFile, read_values
from monitor.types import Column, FieldType, MaskArray

MAX_VALUES = 20_000_000
"""160 MB of hashes."""


@dataclass(frozen=True, eq=False)
class ValueSet:
    """The ascending hashes of texts or of numbers.

    Numbers are never mistaken (distinct float64s have distinct hashes). A text that is not among n is taken for
    one with a probability of n / 2^64 at most: 5e-13 for ten million. Who can choose the texts and knows the
    function can make one that is.
    """

    hashes: HashArray
    numeric: bool

    @classmethod
    def of_file(cls, file: str, column: str | None, kind: FieldType) -> ValueSet:
        """Return the values of a file for a field of a type; raises UnfitFile when they cannot be had."""
        numeric = kind in ("number", "integer")
        hashes = [_hashed(values, file, numeric=numeric) for values in _capped(read_values(file, column), file)]
        found = np.unique(np.concatenate(hashes)) if hashes else np.zeros(0, np.uint64)
        if found.size == 0:
            setting, where = ("file", file) if column is None else ("column", f"column {column} of {file}")
            raise UnfitFile(setting, f"{where} has no values", "write the values into it")
        return cls(found, numeric)

    @cached_property
    def digest(self) -> str:
        """A short stable identity: equal sets have equal digests."""
        return hashlib.blake2b(self.hashes.astype("<u8").tobytes(), digest_size=12).hexdigest()

    def has(self, column: Column) -> MaskArray:
        """Return which rows have a value of the set; one that is not usable has none.

        Raises TypeError when the column is numbers and the set is texts, or the other way round.
        """
        if isinstance(column.values, np.ndarray) != self.numeric:
            raise TypeError("the column and the values it is looked up in are not both numbers, or both texts")
        found = np.zeros(len(column), np.bool_)
        if self.hashes.size and column.ok.any():
            wanted = hash_numbers(column.valid) if self.numeric else hash_strings(column.valid)
            at = np.minimum(np.searchsorted(self.hashes, wanted), self.hashes.size - 1)
            found[column.ok] = self.hashes[at] == wanted
        return found


def _capped(chunks: Iterable[Any], file: str) -> Iterable[Any]:
    """Yield the chunks as long as there are not too many values."""
    n = 0
    for chunk in chunks:
        n += len(chunk)
        if n > MAX_VALUES:
            raise UnfitFile("file", f"{file} has more than {MAX_VALUES} values", "use a smaller file")
        yield chunk


def _hashed(values: Any, file: str, *, numeric: bool) -> HashArray:
    """Return the hashes of an Arrow array of texts or numbers, as the field has them."""
    if numeric:
        try:
            numbers = values.cast(pa.float64(), safe=False) if len(values) else pa.array([], pa.float64())
        except pa.ArrowInvalid as error:
            message = f"{file} has a value that is no number, as the field's are: {str(error).splitlines()[0]}"
            raise UnfitFile("file", message, "take another file or column, or change the field's type") from error
        return hash_numbers(numbers.to_numpy(zero_copy_only=False))
    if pa.types.is_floating(values.type):
        message = f"{file} has fractions where the field has texts, and 1.50 is spelled in several ways"
        raise UnfitFile("file", message, "write the values as texts")
    return hash_strings(values.cast(pa.string()))
