"""The part of JSON Schema (draft 2020-12) that pydantic writes, so that the tests need no validator of their own."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_WORDS = {"title", "description", "default", "examples", "format", "writeOnly", "discriminator", "$schema", "$defs"}


def satisfies(value: Any, schema: Any, root: dict[str, Any]) -> bool:
    """Return whether `value` fits `schema`, whose references point into `root`; KeyError for an unknown keyword."""
    if isinstance(schema, bool):
        return schema
    return all(_KEYWORDS[key](value, wanted, schema, root) for key, wanted in schema.items() if key not in _WORDS)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _items(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    rest = value[len(schema.get("prefixItems", ())) :] if isinstance(value, list) else []
    return all(satisfies(item, wanted, root) for item in rest)


def _additional(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    rest = set(value) - set(schema.get("properties", {})) if isinstance(value, dict) else set()
    return all(satisfies(value[key], wanted, root) for key in rest)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KEYWORDS: dict[str, Any] = {
    "$ref": lambda v, w, s, r: satisfies(v, r["$defs"][w.removeprefix("#/$defs/")], r),
    "type": lambda v, w, s, r: _is(v, w),
    "const": lambda v, w, s, r: v == w,
    "enum": lambda v, w, s, r: v in w,
    "anyOf": lambda v, w, s, r: any(satisfies(v, option, r) for option in w),
    "oneOf": lambda v, w, s, r: sum(satisfies(v, option, r) for option in w) == 1,
    "properties": lambda v, w, s, r: (
        not isinstance(v, dict) or all(satisfies(v[k], w[k], r) for k in w.keys() & v.keys())
    ),
    "required": lambda v, w, s, r: not isinstance(v, dict) or set(w) <= v.keys(),
    "additionalProperties": _additional,
    "propertyNames": lambda v, w, s, r: not isinstance(v, dict) or all(satisfies(key, w, r) for key in v),
    "items": _items,
    "prefixItems": lambda v, w, s, r: (
        not isinstance(v, list) or all(satisfies(item, part, r) for item, part in zip(v, w, strict=False))
    ),
    "minItems": lambda v, w, s, r: not isinstance(v, list) or len(v) >= w,
    "maxItems": lambda v, w, s, r: not isinstance(v, list) or len(v) <= w,
    "minLength": lambda v, w, s, r: not isinstance(v, str) or len(v) >= w,
    "maxLength": lambda v, w, s, r: not isinstance(v, str) or len(v) <= w,
    "pattern": lambda v, w, s, r: not isinstance(v, str) or re.search(w, v) is not None,
    "minimum": lambda v, w, s, r: not _number(v) or v >= w,
    "maximum": lambda v, w, s, r: not _number(v) or v <= w,
    "exclusiveMinimum": lambda v, w, s, r: not _number(v) or v > w,
    "exclusiveMaximum": lambda v, w, s, r: not _number(v) or v < w,
}
