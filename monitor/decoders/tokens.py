"""Which token each field really holds: a cheap suspicion over all rows, an exact look at the few.

DuckDB's `json_transform` coerces in silence: "12.5" becomes 12.5, "yes" true, 7 the text "7", an object
its JSON, an array's "1.5" the number 1.5. So a search flags every row in which a configured key may be followed by
a token of another type, and only those rows, and rows with a NULL, are asked for their tokens' types. The suspicion
may be wrong, the look is exact; a key written with escapes and a comma before a bracket are always suspicious.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.decoders.duck import Duck, quoted
from monitor.decoders.nesting import BARE
from monitor.inner_types import vector_dimension
from monitor.types import FieldType, MaskArray, Presence, PresenceArray

_FOREIGN = {
    "number": r'["\[{tf]',
    "boolean": r'(?:["\[{0-9\-NIi]|n[^u])',
    "text": r"(?:[\[{tf0-9\-NIi]|n[^u])",
    "vector": r'\[[^\]"tf]*["tf]',
}
_ESCAPED_KEY = r'\\.(?:[^"\\]|\\.)*"\s*:'
_TRAILING_COMMA = r",\s*[}\]]"
_GROUP = 16
"""Records searched as one text: starting a search costs as much as forty bytes of it."""
_FEW = 64
"""So many records are sooner looked at than searched again one by one."""
_NOISY_SHARE = 0.25
_NAMES = 128
"""Names searched for at once: RE2 has 8 MB for its automaton, and slows down twentyfold where that is too little."""


_RIGHT = {
    "number": frozenset({"BIGINT", "UBIGINT", "DOUBLE", "HUGEINT", "UHUGEINT", "INTEGER", "UINTEGER"}),
    "boolean": frozenset({"BOOLEAN"}),
    "text": frozenset({"VARCHAR"}),
    "vector": frozenset({"ARRAY"}),
}
"""What `json_type` may say of a family's tokens."""
_ONLY_NUMBERS = r"^\[[-+0-9.,eE\sNaInfity]*\]$"
"""A well-formed array that holds no text, truth value, null, array or object: those need other letters."""


def token_family(kind: FieldType) -> str:
    """Return which JSON token a field type takes: number, boolean, text, or vector for an array of numbers."""
    if vector_dimension(kind) is not None:
        return "vector"
    return {"number": "number", "integer": "number", "boolean": "boolean"}.get(kind, "text")


class Suspicion:
    """Finds the records whose tokens need an exact look, and learns which names are not worth searching for.

    A name that also stands elsewhere in the records with another token (`id` of a customer and of each
    item) raises suspicion in all of them. Such names are struck from the search and their fields kept in
    `always`, to be looked at in every record; that changes the effort and never the result.
    """

    def __init__(self, fields: Mapping[str, FieldType]) -> None:
        """Search for the names of all fields."""
        self.always: dict[str, FieldType] = {}
        self._searched = dict(fields)
        self._patterns = patterns(fields)

    def suspects(self, texts: pa.StringArray) -> MaskArray:
        """Return a mask with every record in which a searched field may have another token, and some more.

        Records lie one behind the other, so groups of them are searched as one text each without a copy,
        and one by one only where something is found.
        """
        _, offsets, data = texts.buffers()
        bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        bounds = np.append(bounds[:-1:_GROUP], bounds[-1])
        grouped = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), data)
        found = np.repeat(_matches(grouped, self._patterns), _GROUP)[: len(texts)]
        rows = np.flatnonzero(found)
        if rows.size > _FEW:
            found[rows] = _matches(texts.take(pa.array(rows)), self._patterns)
            rows = np.flatnonzero(found)
        if rows.size > max(_FEW, _NOISY_SHARE * len(texts)):
            self._strike(texts.take(pa.array(rows[:_FEW])))
        return found

    def _strike(self, sample: pa.StringArray) -> None:
        """Search no more for the names that are found in many of the records of `sample`."""
        for path, kind in list(self._searched.items()):
            if _matches(sample, patterns({path: kind})[1:]).mean() > _NOISY_SHARE:
                self.always[path] = self._searched.pop(path)
        self._patterns = patterns(self._searched)


def patterns(fields: Mapping[str, FieldType]) -> list[str]:
    """Return RE2 patterns of which one or more finds every record needing an exact look (and some that do not).

    Each begins with one literal byte, for which RE2 skips ahead with `memchr`, and the bytes are chosen
    to be rare: a key follows a comma or an opening brace, and there are far fewer of those than quotes.
    One pattern with all alternatives took four times as long; with a thousand names it ran out of memory.
    """
    names = sorted({(token_family(kind), re.escape(path.rsplit(".", 1)[-1])) for path, kind in fields.items()})
    found = [_ESCAPED_KEY] if names else [_ESCAPED_KEY, _TRAILING_COMMA]
    for start in range(0, len(names), _NAMES):
        families = groupby(names[start : start + _NAMES], key=itemgetter(0))
        foreign = "|".join(
            rf'"(?:{"|".join(name for _, name in same)})"\s*:\s*{_FOREIGN[family]}' for family, same in families
        )
        found += [rf",\s*(?:{foreign}|[}}\]])", rf"\{{\s*(?:{foreign})"]
    return found


def _matches(texts: pa.StringArray, patterns: Sequence[str]) -> MaskArray:
    """Return a mask of the texts that one of the patterns matches."""
    found: MaskArray = np.logical_or.reduce(
        [np.asarray(pc.match_substring_regex(texts, pattern)) for pattern in patterns]
    )
    return found


def pointer(path: str) -> str:
    """Return a dotted path as DuckDB wants it.

    That is a JSON pointer (RFC 6901), except that a pointer's `0` would also be an array's first
    element: a path with such a name is written as `$."a"."0"`, in which it is only a key.
    """
    names = path.split(".")
    if any(name.isdecimal() for name in names) and "*" not in names:
        return "$" + "".join("." + json.dumps(name, ensure_ascii=False) for name in names)
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def token_types(duck: Duck, texts: pa.StringArray, fields: Mapping[str, FieldType]) -> dict[str, PresenceArray]:
    """Return, for each field, whether each row's token is absent, null, of the wrong type or right."""
    pointers = ", ".join(quoted(pointer(path)) for path in fields)
    encoded = duck.ask(f"SELECT json_type(v, [{pointers}]) FROM texts", texts).flatten().dictionary_encode()  # noqa: S608
    names = [str(name) for name in encoded.dictionary.to_numpy(zero_copy_only=False)]
    codes = np.asarray(encoded.indices.fill_null(len(names))).reshape(len(texts), len(fields))
    found = {path: _meaning(names, kind)[codes[:, i]] for i, (path, kind) in enumerate(fields.items())}
    for path, kind in fields.items():
        rows = np.flatnonzero(found[path] == Presence.OK) if token_family(kind) == "vector" else np.empty(0, np.int64)
        if rows.size:
            arrays = duck.ask(f"SELECT v ->> {quoted(pointer(path))} FROM texts", texts.take(pa.array(rows)))  # noqa: S608
            found[path][rows[~_matches(arrays, (_ONLY_NUMBERS,))]] = Presence.WRONG_TYPE
    return found


def _meaning(names: Iterable[str], kind: FieldType) -> PresenceArray:
    """Return the presence that each type name means for a field of `kind`; the last entry is absent."""
    right = _RIGHT[token_family(kind)]
    out = [Presence.NULL if name == "NULL" else Presence.OK if name in right else Presence.WRONG_TYPE for name in names]
    return np.array([*out, Presence.ABSENT], np.uint8)


def has_trailing_comma(duck: Duck, texts: pa.StringArray) -> MaskArray:
    """Return a mask of the records with a comma before a closing bracket, which DuckDB lets pass."""
    found = _matches(texts, (_TRAILING_COMMA,))
    rows = np.flatnonzero(found)
    if rows.size:  # which may be in a string
        found[rows] = _matches(duck.ask(BARE, texts.take(pa.array(rows))), (_TRAILING_COMMA,))
    return found
