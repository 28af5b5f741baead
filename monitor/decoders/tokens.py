"""Which token each field really holds: a cheap suspicion over all rows, an exact look at the few.

DuckDB's `json_transform` coerces in silence: "12.5" becomes 12.5, "yes" true, 7 the text "7", an object
its JSON. So one RE2 pass flags every row in which a configured key may be followed by a token of
another type, and only those rows, and rows with a NULL, are asked for their tokens' types. The
suspicion may be wrong, the look is exact; a key written with escapes is always suspicious.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import duckdb
import numpy as np
import pyarrow as pa

from monitor.decoders.duck import query
from monitor.decoders.records import STRINGS
from monitor.types import FieldType, MaskArray, Presence, PresenceArray

_FOREIGN = {
    "number": r'["\[{tf]',
    "boolean": r'(?:["\[{0-9\-NIi]|n[^u])',
    "text": r"(?:[\[{tf0-9\-NIi]|n[^u])",
}
_ESCAPED_KEY = r'\\.(?:[^"\\]|\\.)*"\s*:'
_TRAILING_COMMA = r",\s*[}\]]"
_NUMBERS = frozenset({"BIGINT", "UBIGINT", "DOUBLE", "HUGEINT", "UHUGEINT", "INTEGER", "UINTEGER"})


def token_family(kind: FieldType) -> str:
    """Return which JSON token a field type takes: number, boolean or text."""
    return {"number": "number", "integer": "number", "boolean": "boolean"}.get(kind, "text")


def suspicion(fields: Mapping[str, FieldType]) -> str:
    """Return the RE2 pattern that finds every record needing an exact look (and some that do not)."""
    keys: dict[str, list[str]] = {}
    for path, kind in fields.items():
        keys.setdefault(token_family(kind), []).append(re.escape(path.rsplit(".", 1)[-1]))
    parts = [
        rf'"(?:{"|".join(sorted(set(names)))})"\s*:\s*{_FOREIGN[family]}' for family, names in sorted(keys.items())
    ]
    return "|".join([*parts, _ESCAPED_KEY, _TRAILING_COMMA])


def pointer(path: str) -> str:
    """Return a dotted path as a JSON pointer (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path.split("."))


def token_types(
    connection: duckdb.DuckDBPyConnection, texts: pa.StringArray, fields: Mapping[str, FieldType]
) -> PresenceArray:
    """Return, for rows x fields, whether the token is absent, null, of the wrong type or right (uint8)."""
    pointers = [pointer(path) for path in fields]
    found = query(connection, "SELECT json_type(v, $1) AS t FROM batch", texts, pointers)
    encoded = found.column("t").combine_chunks().flatten().dictionary_encode()
    names = [str(name) for name in encoded.dictionary.to_numpy(zero_copy_only=False)]
    codes = np.asarray(encoded.indices.fill_null(len(names))).reshape(len(texts), len(pointers))
    columns = [_meaning(names, kind)[codes[:, i]] for i, kind in enumerate(fields.values())]
    return np.stack(columns, axis=1) if columns else np.empty((len(texts), 0), np.uint8)


def _meaning(names: Iterable[str], kind: FieldType) -> PresenceArray:
    """Return the presence that each type name means for a field of `kind`; the last entry is absent."""
    right = {"number": _NUMBERS, "boolean": frozenset({"BOOLEAN"}), "text": frozenset({"VARCHAR"})}[token_family(kind)]
    out = [Presence.NULL if name == "NULL" else Presence.OK if name in right else Presence.WRONG_TYPE for name in names]
    return np.array([*out, Presence.ABSENT], np.uint8)


def has_trailing_comma(connection: duckdb.DuckDBPyConnection, texts: pa.StringArray) -> MaskArray:
    """Return a mask of the records with a comma before a closing bracket, which DuckDB lets pass."""
    sql = f"SELECT regexp_matches(regexp_replace(v, '{STRINGS}', '', 'g'), '{_TRAILING_COMMA}') AS t FROM batch"  # noqa: S608
    return np.asarray(query(connection, sql, texts).column("t").combine_chunks().to_numpy(zero_copy_only=False), bool)
