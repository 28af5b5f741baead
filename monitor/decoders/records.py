"""What is settled before a record is parsed: tombstones, size and encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.decoded import Rejects
from monitor.decoders.duck import Duck
from monitor.types import CodeArray, IntArray, MaskArray

_DECODE = "SELECT TRY(decode(v)) FROM bytes"


@dataclass
class Sieve:
    """The records of a fetch that are still rows (`rows`: their index), and those that are not, with why."""

    rows: IntArray
    rejected: list[IntArray] = field(default_factory=list)
    reasons: list[NDArray[np.object_]] = field(default_factory=list)
    filtered: int = 0

    def reject(self, bad: MaskArray, reason: str) -> MaskArray:
        """Move the rows under the mask `bad` to the rejects; return the mask of those that stay."""
        return self.reject_each(bad.astype(np.int32), ("", reason))

    def reject_each(self, faults: CodeArray, reasons: Sequence[str]) -> MaskArray:
        """Move the rows whose fault is not 0 to the rejects, with `reasons[fault]`; return the mask of the rest."""
        keep: MaskArray = faults == 0
        if not keep.all():
            self.rejected.append(self.rows[~keep])
            self.reasons.append(np.array(reasons, dtype=object)[faults[~keep]])
            self.rows = self.rows[keep]
        return keep

    def replace(self, places: IntArray, rest: Sieve) -> None:
        """Put what became of the rows at `places` back: `rest` has sieved them apart from the others."""
        self.rows = np.sort(np.concatenate((np.delete(self.rows, places), rest.rows)))
        self.rejected += rest.rejected
        self.reasons += rest.reasons

    def rejects(self) -> Rejects:
        """Return the rejects in the order of the fetch."""
        if not self.rejected:
            return Rejects(np.empty(0, np.int64), ())
        index = np.concatenate(self.rejected)
        order = np.argsort(index, kind="stable")
        return Rejects(index[order], tuple(np.concatenate(self.reasons)[order]))


def keep_rows(values: pa.Array, keep: MaskArray) -> pa.Array:
    """Return the values under the mask, without a copy when that is all of them."""
    return values if keep.all() else values.filter(pa.array(keep))


def sift_raw(values: pa.BinaryArray, sieve: Sieve, max_record_bytes: int) -> pa.BinaryArray:
    """Filter tombstones and reject what is over the size limit; return the values that remain."""
    if values.null_count:
        present = np.asarray(values.is_valid())
        sieve.filtered = len(values) - int(present.sum())
        sieve.rows = sieve.rows[present]
        values = values.filter(pa.array(present))
    if not len(values):
        return values
    lengths = np.asarray(pc.binary_length(values))
    if int(lengths.max()) > max_record_bytes:
        values = keep_rows(values, sieve.reject(lengths > max_record_bytes, "oversize"))
    return values


def to_text(duck: Duck, values: pa.BinaryArray, sieve: Sieve) -> pa.StringArray:
    """Return the values as UTF-8 strings; those that are not UTF-8 become rejects.

    The cast checks all bytes at once and refuses the whole array; only then each value that is not plain
    ASCII is tried alone.
    """
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        rows = np.flatnonzero(~np.asarray(pc.string_is_ascii(values.view(pa.string()))))
    bad = np.zeros(len(values), bool)
    bad[rows] = np.asarray(decode_each(duck, values.take(pa.array(rows))).is_null())
    return keep_rows(values, sieve.reject(bad, "encoding")).cast(pa.string())


def decode_each(duck: Duck, values: pa.BinaryArray) -> pa.StringArray:
    """Return each value as a string, null where it is null or not UTF-8."""
    return duck.ask(_DECODE, values)
