"""JSON records to columns through DuckDB: one query for a whole batch, each record on its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, Literal, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from monitor.decoded import Decoded
from monitor.decoders import tokens
from monitor.decoders.duck import Duck, quoted
from monitor.decoders.envelope import envelope_columns
from monitor.decoders.event_time import FAULTS, event_times
from monitor.decoders.framed import Framed
from monitor.decoders.gzipped import Compression
from monitor.decoders.nesting import too_deep
from monitor.decoders.plan import DecodePlan
from monitor.decoders.records import Sieve, keep_rows, sift_raw, to_text
from monitor.decoders.registry import RegistrySpec
from monitor.decoders.scanning import scanner_of
from monitor.decoders.typed import empty_columns, joined, number_column
from monitor.decoders.unwrapping import Envelope, refuse_gzipped_frames, unwrapped
from monitor.decoders.vectors import list_column
from monitor.inner_types import vector_dimension
from monitor.protocols import Decoder
from monitor.spec import Spec
from monitor.types import Batch, Column, Fetch, FieldType, IntArray, MaskArray, PresenceArray

_SAMPLE_PERIOD, _SAMPLE_RUN = 1024, 16
"""Unknown fields are looked for in 16 successive offsets of 1024: one record in 64, but not in every small fetch."""
_MAX_NAME_CHARS = 200
"""Names of unknown fields are kept with the statistics, so a producer must not decide how long they are."""
_DUCK_TYPES: dict[str, Any] = {"number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR", "vector": ["DOUBLE"]}
_KEYS = "SELECT json_keys(v) FROM texts"
_VALID = "SELECT json_valid(v) FROM texts"


class JsonSpec(Spec):
    """One JSON object a record (RFC 8259, UTF-8)."""

    kind: Literal["json"] = "json"
    schema_registry: RegistrySpec | None = Field(
        None, description="For JSON Schema in Confluent's framing; the schemas are known, not enforced."
    )
    compression: Compression = "none"
    envelope: Envelope = None

    @model_validator(mode="after")
    def _no_gzipped_frames(self) -> Self:
        """Refuse compression with a registry."""
        refuse_gzipped_frames(self.compression, self.schema_registry)
        return self

    def build(self, plan: DecodePlan) -> Decoder:
        """Return a decoder for the fields of `plan`; use it from one thread.

        Raises SurroundingsError when the registry's `ca_file` cannot be used.
        """
        build: Callable[[DecodePlan], Decoder] = JsonDecoder
        if self.schema_registry is not None:
            registry = self.schema_registry.build()

            def build(inner: DecodePlan) -> Decoder:
                return Framed(JsonDecoder(inner), registry, "JSON")

        return unwrapped(build, plan, compression=self.compression, envelope=self.envelope)


class JsonDecoder:
    """Decodes JSON objects to typed columns with honest types.

    Of repeated keys the first counts. `NaN`, `Infinity` and numbers beyond a float64 are let through by
    the parser and become not-finite failures of their field. A `number` is a float64, so integers are
    exact to 2^53. Rejects: oversize, encoding, nesting, malformed, not_object, event_time_missing,
    event_time_invalid, event_time_ahead. Unknown fields are sampled, one record in 64.
    """

    def __init__(self, plan: DecodePlan) -> None:
        """Prepare the question and the pattern for the fields of `plan`."""
        self._plan = plan
        self._duck = Duck()
        self._fields: dict[str, FieldType] = dict(plan.payload_fields)
        time = plan.event_time
        if time.path is not None and time.path not in self._fields:
            self._fields[time.path] = "text" if time.unit == "iso8601" else "number"
        structure = quoted(json.dumps(_structure(self._fields)))
        self._transform = f"SELECT json_transform(v, {structure}) FROM texts"  # noqa: S608 - quoted
        self._transform_each = f"SELECT TRY(json_transform(v, {structure})) FROM texts"  # noqa: S608
        self._suspicion = tokens.Suspicion(self._fields)
        self._scanner = scanner_of(self._fields, plan.max_nesting_depth)
        self._known = {path.split(".", 1)[0] for path in self._fields}

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data."""
        sieve = Sieve(np.arange(len(fetch)))
        values = sift_raw(fetch.values, sieve, self._plan.max_record_bytes)
        columns, unknown = self._columns(values, fetch.offsets, sieve)
        time_path = self._plan.event_time.path
        times, faults = event_times(
            self._duck,
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
        wanted |= envelope_columns(self._duck, fetch, rows, self._plan.record_fields)
        batch = Batch(fetch.partition, fetch.offsets[rows], fetch.timestamps_ms[rows], times, wanted)
        return Decoded(batch, sieve.rejects(), sieve.filtered, tuple(unknown), unknown)

    def _columns(
        self, values: pa.BinaryArray, offsets: IntArray, sieve: Sieve
    ) -> tuple[dict[str, Column], dict[str, IntArray]]:
        """Return the columns of all records that are JSON objects, and the unknown fields seen, by offset.

        The scanner reads the plain records, and all others, their order kept, are looked at exactly.
        """
        if self._scanner is None or not len(values):
            return self._exactly(values, offsets, sieve)
        at = offsets[sieve.rows]
        scanned = self._scanner.scan(values, _is_sampled(at))
        unknown = _by_name(scanned.strangers, at[scanned.stranger_rows], self._known)
        odd = np.flatnonzero(scanned.odd)
        if not odd.size:
            return scanned.columns, unknown
        rest = Sieve(sieve.rows[odd])
        exact, others = self._exactly(values.take(pa.array(odd)), offsets, rest)
        parts = [(sieve.rows[~scanned.odd], scanned.columns), (rest.rows, exact)]
        sieve.replace(odd, rest)
        return joined(parts, self._fields), _merged(unknown, others)

    def _exactly(
        self, values: pa.BinaryArray, offsets: IntArray, sieve: Sieve
    ) -> tuple[dict[str, Column], dict[str, IntArray]]:
        """Return what `_columns` does, through DuckDB and with every doubt looked into."""
        texts = self._texts(values, sieve)
        if not len(texts):
            return empty_columns(self._fields), {}
        texts, objects = self._objects(texts, sieve)
        suspicious = self._suspicion.suspects(texts)
        if suspicious.any():
            commas = np.zeros(len(texts), bool)
            commas[suspicious] = tokens.has_trailing_comma(self._duck, texts.filter(pa.array(suspicious)))
            if commas.any():
                keep = sieve.reject(commas, "malformed")
                texts, objects, suspicious = keep_rows(texts, keep), keep_rows(objects, keep), suspicious[keep]
        leaves = {path: values for path, values in _leaves(objects) if path in self._fields}
        return self._typed(texts, leaves, suspicious), self._unknown(offsets[sieve.rows], texts)

    def _texts(self, values: pa.BinaryArray, sieve: Sieve) -> pa.StringArray:
        """Return the values that may be JSON objects as text, after encoding, depth and root."""
        if not len(values):
            return pa.array([], pa.string())
        texts = to_text(self._duck, values, sieve)
        deep = too_deep(self._duck, texts, self._plan.max_nesting_depth)
        if deep is not None:
            texts = keep_rows(texts, sieve.reject(deep, "nesting"))
        return self._braced(texts, sieve)

    def _objects(self, texts: pa.StringArray, sieve: Sieve) -> tuple[pa.StringArray, pa.StructArray]:
        """Return the values that are well-formed, and what `json_transform` makes of them.

        One malformed value makes it raise, and under TRY it would go on row by row, six times slower. The
        message quotes the value, maybe cut within a character, and then the client cannot decode it.
        """
        try:
            return texts, self._duck.ask(self._transform, texts)
        except (duckdb.Error, UnicodeDecodeError):
            texts = keep_rows(texts, sieve.reject(~np.asarray(self._duck.ask(_VALID, texts)), "malformed"))
        objects = self._duck.ask(self._transform_each, texts)
        keep = sieve.reject(np.asarray(objects.is_null()), "malformed")
        return keep_rows(texts, keep), keep_rows(objects, keep)

    def _braced(self, texts: pa.StringArray, sieve: Sieve) -> pa.StringArray:
        """Reject what does not begin like an object: well-formed as `not_object`, else `malformed`."""
        begins = np.asarray(pc.starts_with(texts, "{"))
        if begins.all():
            return texts
        begins = begins.copy()
        rows = np.flatnonzero(~begins)
        rest = texts.take(pa.array(rows))
        begins[rows] = np.asarray(pc.starts_with(pc.utf8_ltrim(rest, " \t\r\n"), "{"))
        other = np.zeros(len(texts), bool)
        other[rows] = np.asarray(self._duck.ask(_VALID, rest)) & ~tokens.has_trailing_comma(self._duck, rest)
        malformed = ~begins & ~other
        keep = sieve.reject(malformed, "malformed")
        texts, begins = keep_rows(texts, keep), begins[keep]
        return keep_rows(texts, sieve.reject(~begins, "not_object"))

    def _typed(self, texts: pa.StringArray, leaves: dict[str, pa.Array], suspicious: MaskArray) -> dict[str, Column]:
        """Return the columns, with the tokens of suspicious and NULL values looked at exactly."""
        presence = {path: np.zeros(len(texts), np.uint8) for path in self._fields}
        nulls = {path: np.asarray(leaf.is_null()) for path, leaf in leaves.items() if leaf.null_count}
        always = self._suspicion.always
        often = np.logical_or.reduce([np.full(len(texts), bool(always)), *nulls.values()])
        some = {path: kind for path, kind in self._fields.items() if path in nulls or path in always}
        for look, fields in ((often, some), (suspicious, self._fields)):
            rows = np.flatnonzero(look)
            if rows.size:
                kept = texts if rows.size == len(texts) else texts.take(pa.array(rows))
                for path, found in tokens.token_types(self._duck, kept, fields).items():
                    presence[path][rows] = found
        return {path: _column(leaves[path], presence[path], kind) for path, kind in self._fields.items()}

    def _unknown(self, offsets: IntArray, texts: pa.StringArray) -> dict[str, IntArray]:
        """Return the top-level keys, cut, that no configured path begins with, and where: of a sample by offset."""
        rows = np.flatnonzero(_is_sampled(offsets))
        if not rows.size:
            return {}
        keys = self._duck.ask(_KEYS, texts.take(pa.array(rows)))
        at = np.repeat(offsets[rows], keys.value_lengths().to_numpy(zero_copy_only=False))
        return _by_name(keys.flatten(), at, self._known)


def _is_sampled(offsets: IntArray) -> MaskArray:
    """Return which records are looked at for unknown fields; by offset, so that a replay sees the same."""
    sampled: MaskArray = offsets % _SAMPLE_PERIOD < _SAMPLE_RUN
    return sampled


def _by_name(names: pa.StringArray, at: IntArray, known: Container[str]) -> dict[str, IntArray]:
    """Return the offsets, ascending, of each name that is not known, cut."""
    if not len(names):
        return {}
    encoded = names.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    found: dict[str, list[IntArray]] = {}
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        if name not in known:
            found.setdefault(name[:_MAX_NAME_CHARS], []).append(at[codes == code])
    return {name: np.unique(np.concatenate(parts)) for name, parts in sorted(found.items())}


def _merged(first: Mapping[str, IntArray], second: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Return the offsets, ascending, of the names of both."""
    nowhere = np.empty(0, np.int64)
    names = sorted({*first, *second})
    return {name: np.union1d(first.get(name, nowhere), second.get(name, nowhere)) for name in names}


def _structure(fields: dict[str, FieldType]) -> dict[str, Any]:
    """Return the nested structure of the fields, as `json_transform` wants it: never empty."""
    root: dict[str, Any] = {}
    for path, kind in fields.items():
        *parents, leaf = path.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = _DUCK_TYPES[tokens.token_family(kind)]
    return root or {"$": "BOOLEAN"}


def _leaves(objects: pa.StructArray, prefix: str = "") -> Iterator[tuple[str, pa.Array]]:
    """Yield each dotted path and its values; NULL where a parent is not an object."""
    for field, values in zip(objects.type, objects.flatten(), strict=True):
        if pa.types.is_struct(field.type):
            yield from _leaves(values, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, values


def _column(leaf: pa.Array, presence: PresenceArray, kind: FieldType) -> Column:
    """Return a column of the decoded values, with numbers that are not finite (or not whole) marked."""
    dimension = vector_dimension(kind)
    if dimension is not None:
        return list_column(leaf, presence, dimension)
    family = tokens.token_family(kind)
    if family == "number":
        return number_column(np.asarray(leaf.fill_null(0.0) if leaf.null_count else leaf), presence, kind)
    texts = leaf.cast(pa.string()) if family == "boolean" else leaf
    return Column(texts.fill_null("") if texts.null_count else texts, presence)
