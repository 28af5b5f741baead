"""CSV and TSV records to columns: one line a record, split by Arrow; quoted lines by Python's csv module."""

from __future__ import annotations

import csv
from functools import partial
from typing import Annotated, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from monitor.decoded import Decoded
from monitor.decoders.duck import Duck
from monitor.decoders.finishing import asked_fields, finish
from monitor.decoders.gzipped import Compression
from monitor.decoders.plan import DecodePlan
from monitor.decoders.records import Sieve, keep_rows, sift_raw, to_text
from monitor.decoders.tokens import token_family
from monitor.decoders.typed import blank_column, empty_columns, number_column
from monitor.decoders.unwrapping import unwrapped
from monitor.protocols import Decoder
from monitor.spec import Spec
from monitor.types import Column, Fetch, FieldType, Presence

_NUMBER = r"^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf|infinity))$"
_LINE_END = r"\r?\n$"
_SPECIAL = '["\r\n]'
_MALFORMED, _COLUMNS = "malformed", "column_count"


class DelimitedSpec(Spec):
    """One line of delimited values a record, such as CSV or TSV; `columns` names them in order.

    `""` inside quotes is one quote. A value that is one of `null_values` is null.
    """

    kind: Literal["delimited"] = "delimited"
    columns: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    delimiter: str = Field(",", min_length=1, max_length=1, description='"," for CSV, "\\t" for TSV.')
    null_values: tuple[str, ...] = ("",)
    compression: Compression = "none"

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        """Refuse repeated columns and a delimiter that is a quote or ends a line."""
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("two columns have the same name")
        if self.delimiter in '"\r\n':
            raise ValueError("the delimiter cannot be a quote or a line's end")
        return self

    def build(self, plan: DecodePlan) -> Decoder:
        """Return a decoder for the fields of `plan`; use it from one thread."""
        return unwrapped(partial(DelimitedDecoder, self), plan, compression=self.compression)


class DelimitedDecoder:
    """Decodes delimited lines to typed columns.

    A record is split by itself, so no line's end or quote inside one can move the values of another.
    Lines with quotes go one by one through Python's `csv` (which is C), since Arrow's reader would take
    a quoted line's end for the next record; all others are split at once. All values are texts: a
    number is what reads as one in full (also nan and inf), a boolean is true or false in any case,
    anything else there a wrong type, and so is every value of a vector field. A field that is no column
    is absent. Filtered: tombstones, and records that repeat the names of the columns. Rejects: oversize,
    encoding, malformed (quotes that do not match, more than one line), column_count, event_time_missing,
    event_time_invalid, event_time_ahead.
    """

    def __init__(self, spec: DelimitedSpec, plan: DecodePlan) -> None:
        """Prepare for the fields of `plan`."""
        self._spec = spec
        self._plan = plan
        self._duck = Duck()
        self._fields = asked_fields(plan)
        self._names = spec.delimiter.join(spec.columns)
        self._nulls = pa.array(spec.null_values, pa.string())
        known = {*self._fields}
        self._unknown = tuple(sorted(name for name in spec.columns if name not in known))
        # Python's limit of a field's length, for the whole process, is below that of a record.
        csv.field_size_limit(max(csv.field_size_limit(), plan.max_record_bytes))

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data."""
        sieve = Sieve(np.arange(len(fetch)))
        values = sift_raw(fetch.values, sieve, self._plan.max_record_bytes)
        texts = to_text(self._duck, values, sieve) if len(values) else pa.array([], pa.string())
        texts = self._lines(texts, sieve)
        columns = self._columns(texts, sieve) if len(texts) else empty_columns(self._fields)
        return finish(self._duck, self._plan, fetch, sieve, columns, self._unknown if len(texts) else ())

    def _lines(self, texts: pa.StringArray, sieve: Sieve) -> pa.StringArray:
        """Return the records without a line's end and without those that are the columns' names."""
        if np.asarray(pc.ends_with(texts, "\n")).any():
            texts = pc.replace_substring_regex(texts, _LINE_END, "")
        names = np.asarray(pc.equal(texts, self._names))
        if names.any():
            sieve.filtered += int(names.sum())
            sieve.rows = sieve.rows[~names]
            texts = texts.filter(pa.array(~names))
        return texts

    def _columns(self, texts: pa.StringArray, sieve: Sieve) -> dict[str, Column]:
        """Return the columns of the asked fields."""
        special = np.asarray(pc.match_substring_regex(texts, _SPECIAL))
        cells = pc.split_pattern(texts.filter(pa.array(~special)) if special.any() else texts, self._spec.delimiter)
        if special.any():
            quoted = pa.array(map(self._split, texts.filter(pa.array(special)).to_pylist()), pa.list_(pa.string()))
            order = np.argsort(np.concatenate((np.flatnonzero(~special), np.flatnonzero(special))))
            cells = pa.concat_arrays([cells, quoted]).take(pa.array(order))
            if cells.null_count:
                cells = keep_rows(cells, sieve.reject(np.asarray(cells.is_null()), _MALFORMED))
        width = len(self._spec.columns)
        other = np.asarray(pc.list_value_length(cells)) != width
        if other.any():
            cells = keep_rows(cells, sieve.reject(other, _COLUMNS))
        flat = cells.flatten()
        first = np.arange(len(cells)) * width
        columns = {}
        for path, kind in self._fields.items():
            if path in self._spec.columns:
                columns[path] = self._column(flat.take(pa.array(first + self._spec.columns.index(path))), kind)
            else:
                columns[path] = blank_column(np.full(len(cells), Presence.ABSENT, np.uint8), kind)
        return columns

    def _split(self, line: str) -> list[str] | None:
        """Return the values of one record that holds quotes or a line's end; None unless it is one row."""
        try:
            rows = list(csv.reader([line], delimiter=self._spec.delimiter, strict=True))
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None

    def _column(self, texts: pa.StringArray, kind: FieldType) -> Column:
        """Return one column's texts as a field of `kind`."""
        presence = np.zeros(len(texts), np.uint8)
        presence[np.asarray(pc.is_in(texts, value_set=self._nulls))] = Presence.NULL
        family = token_family(kind)
        if family == "text":
            return Column(texts, presence)
        if family == "vector":
            return blank_column(np.where(presence == Presence.OK, Presence.WRONG_TYPE, presence).astype(np.uint8), kind)
        if family == "boolean":
            texts = pc.ascii_lower(texts)
            right = np.asarray(pc.is_in(texts, value_set=pa.array(["true", "false"])))
        else:
            right = np.asarray(pc.match_substring_regex(texts, _NUMBER))
        presence[(presence == Presence.OK) & ~right] = Presence.WRONG_TYPE
        if family == "boolean":
            return Column(texts, presence)
        usable = pa.array(presence == Presence.OK)
        plain = pc.utf8_ltrim(pc.if_else(usable, texts, "0"), "+")
        return number_column(np.array(plain.cast(pa.float64())), presence, kind)
