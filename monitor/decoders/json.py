"""JSON records to columns through DuckDB: one query for a whole batch, each record on its own."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.decoders import tokens
from monitor.decoders.duck import connect, query
from monitor.decoders.envelope import envelope_columns
from monitor.decoders.event_time import FAULTS, event_times
from monitor.decoders.plan import DecodePlan
from monitor.decoders.records import Sieve, depths, keep_rows, maybe_deep, sift_raw, to_text
from monitor.spec import Spec
from monitor.types import Batch, Column, Decoded, Fetch, FieldType, MaskArray, Presence

_SAMPLE_EVERY = 64
"""Unknown fields are looked for in the records whose offset is a multiple of this."""
_DUCK_TYPES = {"number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR"}


class JsonSpec(Spec):
    """One JSON object a record (RFC 8259, UTF-8)."""

    kind: Literal["json"] = "json"

    def build(self, plan: DecodePlan) -> JsonDecoder:
        """Return a decoder for the fields of `plan`; use it from one thread."""
        return JsonDecoder(plan)


class JsonDecoder:
    """Decodes JSON objects to typed columns with honest types.

    Of repeated keys the first counts. `NaN`, `Infinity` and numbers beyond a float64 are let through by
    the parser and become not-finite failures of their field. A `number` is a float64, so integers are
    exact to 2^53. Rejects: oversize, encoding, nesting, malformed, not_object, event_time_missing,
    event_time_invalid, event_time_ahead. Unknown fields are sampled, one record in 64.
    """

    def __init__(self, plan: DecodePlan) -> None:
        """Prepare the query and the patterns for the fields of `plan`."""
        self._plan = plan
        self._connection = connect()
        self._fields: dict[str, FieldType] = dict(plan.payload_fields)
        time = plan.event_time
        if time.path is not None and time.path not in self._fields:
            self._fields[time.path] = "text" if time.unit == "iso8601" else "number"
        self._structure = json.dumps(_structure(self._fields))
        self._suspicion = tokens.suspicion(self._fields)
        self._known = {path.split(".", 1)[0] for path in self._fields}

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data."""
        sieve = Sieve(np.arange(len(fetch)))
        columns, unknown = self._columns(fetch, sieve)
        time_path = self._plan.event_time.path
        times, faults = event_times(
            self._connection,
            self._plan.event_time,
            columns[time_path] if time_path is not None else None,
            fetch.timestamps_ms[sieve.rows],
        )
        if faults.any():
            stay = np.flatnonzero(sieve.reject_each(faults, FAULTS))
            times = times[stay]
            columns = {path: column.take(stay) for path, column in columns.items()}
        rows = sieve.rows
        wanted = {path: columns[path] for path in self._plan.payload_fields}
        wanted |= envelope_columns(self._connection, fetch, rows, self._plan.record_fields)
        batch = Batch(fetch.partition, fetch.offsets[rows], fetch.timestamps_ms[rows], times, wanted)
        return Decoded(batch, sieve.rejects(), sieve.filtered, unknown)

    def _columns(self, fetch: Fetch, sieve: Sieve) -> tuple[dict[str, Column], tuple[str, ...]]:
        """Return the columns of all records that are JSON objects, and the unknown fields seen."""
        texts = self._texts(fetch, sieve)
        if not len(texts):
            return {path: _empty(kind) for path, kind in self._fields.items()}, ()
        parsed = query(
            self._connection, "SELECT TRY(json_transform(v, $1)) AS x FROM batch", texts, self._structure
        ).column("x")
        table = parsed.combine_chunks() if parsed.num_chunks != 1 else parsed.chunk(0)
        suspicious = np.asarray(pc.match_substring_regex(texts, self._suspicion))
        malformed = np.asarray(table.is_null())
        if suspicious.any():
            commas = np.zeros(len(texts), bool)
            commas[suspicious] = tokens.has_trailing_comma(self._connection, texts.filter(pa.array(suspicious)))
            malformed = malformed | commas
        if malformed.any():
            keep = sieve.reject(malformed, "malformed")
            texts, table, suspicious = keep_rows(texts, keep), keep_rows(table, keep), suspicious[keep]
        leaves = {path: _leaf(table, path) for path in self._fields}
        return self._typed(texts, leaves, suspicious), self._unknown(fetch, sieve, texts)

    def _texts(self, fetch: Fetch, sieve: Sieve) -> pa.StringArray:
        """Return the values that may be JSON objects as text, after size, encoding, depth and root."""
        values = sift_raw(fetch.values, sieve, self._plan.max_record_bytes)
        if not len(values):
            return pa.array([], pa.string())
        texts = to_text(self._connection, values, sieve)
        deep = maybe_deep(texts, self._plan.max_nesting_depth) if len(texts) else None
        if deep is not None:
            rows = np.flatnonzero(deep)
            deep[rows] = depths(self._connection, texts.take(pa.array(rows))) > self._plan.max_nesting_depth
            texts = keep_rows(texts, sieve.reject(deep, "nesting"))
        return self._objects(texts, sieve)

    def _objects(self, texts: pa.StringArray, sieve: Sieve) -> pa.StringArray:
        """Reject what does not begin like an object: well-formed as `not_object`, else `malformed`."""
        begins = np.asarray(pc.starts_with(texts, "{"))
        if begins.all():
            return texts
        rows = np.flatnonzero(~begins)
        rest = texts.take(pa.array(rows))
        begins[rows] = np.asarray(pc.starts_with(pc.utf8_ltrim(rest, " \t\r\n"), "{"))
        other = np.zeros(len(texts), bool)
        valid = query(self._connection, "SELECT json_valid(v) AS t FROM batch", rest).column("t").combine_chunks()
        other[rows] = np.asarray(valid.to_numpy(zero_copy_only=False), bool)
        malformed = ~begins & ~other
        keep = sieve.reject(malformed, "malformed")
        texts, begins = keep_rows(texts, keep), begins[keep]
        return keep_rows(texts, sieve.reject(~begins, "not_object"))

    def _typed(self, texts: pa.StringArray, leaves: dict[str, pa.Array], suspicious: MaskArray) -> dict[str, Column]:
        """Return the columns, with the tokens of suspicious and NULL values looked at exactly."""
        nulls = {path: np.asarray(leaf.is_null()) for path, leaf in leaves.items() if leaf.null_count}
        look = suspicious.copy()
        for null in nulls.values():
            look |= null
        rows = np.flatnonzero(look)
        # A field is asked for if it holds a NULL, or if any row is suspicious, which may be any field's fault.
        asked = dict(self._fields) if suspicious.any() else {path: self._fields[path] for path in nulls}
        found = tokens.token_types(self._connection, texts.take(pa.array(rows)), asked) if rows.size else None
        columns = {}
        for path, leaf in leaves.items():
            presence = np.zeros(len(texts), np.uint8)
            if found is not None and path in asked:
                presence[rows] = found[:, list(asked).index(path)]
            if path in nulls:
                # The token's type is right and yet it gave no value: it does not fit the field's type.
                presence[nulls[path] & (presence == Presence.OK)] = Presence.WRONG_TYPE
            columns[path] = _column(leaf, presence, self._fields[path])
        return columns

    def _unknown(self, fetch: Fetch, sieve: Sieve, texts: pa.StringArray) -> tuple[str, ...]:
        """Return the top-level keys that no configured path begins with, from a sample by offset."""
        rows = np.flatnonzero(fetch.offsets[sieve.rows] % _SAMPLE_EVERY == 0)
        if not rows.size:
            return ()
        sql = "SELECT DISTINCT unnest(json_keys(v)) AS k FROM batch"
        keys = query(self._connection, sql, texts.take(pa.array(rows))).column("k").to_pylist()
        return tuple(sorted(set(keys) - self._known))


def _structure(fields: dict[str, FieldType]) -> dict[str, Any]:
    """Return the nested structure of the fields, as `json_transform` wants it."""
    root: dict[str, Any] = {}
    for path, kind in fields.items():
        *parents, leaf = path.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = _DUCK_TYPES[tokens.token_family(kind)]
    return root


def _leaf(table: pa.StructArray, path: str) -> pa.Array:
    """Return the values at a dotted path; NULL where a parent is not an object."""
    array: pa.Array = table
    for part in path.split("."):
        array = pc.struct_field(array, part)
    return array


def _empty(kind: FieldType) -> Column:
    """Return a column without rows."""
    values = np.empty(0) if tokens.token_family(kind) == "number" else pa.array([], pa.string())
    return Column(values, np.empty(0, np.uint8))


def _column(leaf: pa.Array, presence: np.ndarray[Any, np.dtype[np.uint8]], kind: FieldType) -> Column:
    """Return a column of the decoded values, with numbers that are not finite (or not whole) marked."""
    if tokens.token_family(kind) == "boolean":
        return Column(leaf.cast(pa.string()).fill_null("") if leaf.null_count else leaf.cast(pa.string()), presence)
    if tokens.token_family(kind) == "text":
        return Column(leaf.fill_null("") if leaf.null_count else leaf, presence)
    values = np.asarray(leaf.fill_null(0.0) if leaf.null_count else leaf)
    finite = np.isfinite(values)
    if not finite.all():
        odd = ~finite & (presence == Presence.OK)
        presence[odd & np.isnan(values)] = Presence.NAN
        presence[odd & (values == np.inf)] = Presence.POSITIVE_INFINITY
        presence[odd & (values == -np.inf)] = Presence.NEGATIVE_INFINITY
    if kind == "integer":
        presence[(presence == Presence.OK) & (values != np.floor(values))] = Presence.WRONG_TYPE
    return Column(values, presence)
