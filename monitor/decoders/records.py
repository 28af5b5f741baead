"""What is settled before a record is parsed: tombstones, size, encoding and nesting depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.decoders.duck import query
from monitor.types import CodeArray, IntArray, MaskArray, Rejects

STRINGS = r'"(?:[^"\\]|\\.)*"'
"""A JSON string token; what is left without them is structure."""


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
        keep = faults == 0
        if not keep.all():
            self.rejected.append(self.rows[~keep])
            self.reasons.append(np.array(reasons, dtype=object)[faults[~keep]])
            self.rows = self.rows[keep]
        return keep

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


def to_text(connection: duckdb.DuckDBPyConnection, values: pa.BinaryArray, sieve: Sieve) -> pa.StringArray:
    """Return the values as UTF-8 strings; those that are not UTF-8 become rejects.

    The cast checks all bytes at once and refuses the whole array; only then each value is tried alone.
    """
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = query(connection, "SELECT TRY(decode(v)) AS t FROM batch", values).column("t").combine_chunks()
    sieve.reject(np.asarray(decoded.is_null()), "encoding")
    return decoded.drop_null()


def _bounds(texts: pa.StringArray) -> tuple[np.ndarray, IntArray]:
    """Return the bytes of a string array and the n + 1 offsets into them."""
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8), starts


def maybe_deep(texts: pa.StringArray, max_depth: int) -> MaskArray | None:
    """Return a mask of the values with more than `max_depth` opening brackets, None when there is none.

    A value cannot be nested deeper than it has opening brackets, so all others are safe. `|0x20` maps
    `[` and `{` to the same byte. If any `max_depth + 1` successive brackets span more bytes than the
    longest value, no value holds so many; that usual case costs one pass.
    """
    data, starts = _bounds(texts)
    window = data[starts[0] : starts[-1]]
    brackets = np.flatnonzero((window | np.uint8(0x20)) == np.uint8(0x7B))
    if brackets.size <= max_depth:
        return None
    longest = int(np.diff(starts).max())
    if int((brackets[max_depth:] - brackets[:-max_depth]).min()) >= longest:
        return None
    counts = np.diff(np.searchsorted(brackets, starts - starts[0]))
    deep = counts > max_depth
    return deep if deep.any() else None


def depths(connection: duckdb.DuckDBPyConnection, texts: pa.StringArray) -> IntArray:
    """Return the exact nesting depth of each value, strings left out; for the few suspicious ones."""
    sql = f"SELECT regexp_replace(v, '{STRINGS}', '', 'g') AS t FROM batch"  # noqa: S608 - a constant of ours
    bare = query(connection, sql, texts).column("t").combine_chunks()
    data, starts = _bounds(bare)
    folded = data[starts[0] : starts[-1]] | np.uint8(0x20)
    steps = (folded == 0x7B).astype(np.int64) - (folded == 0x7D).astype(np.int64)
    level = np.concatenate(([0], np.cumsum(steps)))
    begins = starts - starts[0]
    out = np.zeros(len(bare), np.int64)
    filled = np.flatnonzero(np.diff(begins) > 0)
    if filled.size:
        out[filled] = np.maximum.reduceat(level, begins[filled]) - level[begins[filled]]
    return out
