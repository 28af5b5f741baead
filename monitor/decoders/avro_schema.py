"""An Avro schema as the two readers want it: resolved, its annotations taken away, and judged for safety."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "string", "bytes"})
_MAX_DEPTH = 100
_MAX_DECIMAL_DIGITS = 38


class UnusableSchemaError(ValueError):
    """A schema whose records are not decoded; the message says why."""


@dataclass(frozen=True)
class AvroSchema:
    """A schema to decode with: `columnar` is its text for the columnar reader, None where that cannot read it."""

    parsed: Any
    columnar: str | None
    is_record: bool


@dataclass
class _Walk:
    """What was met on the way through a schema."""

    named: dict[str, Any]
    done: dict[str, Any]
    columnar: bool = True


def parse_schema(documents: Sequence[str]) -> AvroSchema:
    """Return the schema of the last document; those before it are what it refers to.

    Logical types are taken away, so that a field is the number or text that is on the wire (a timestamp its
    long), except decimals. The columnar reader (pyruhvro 0.4) reads no bytes, fixed and decimals; unions
    other than of null and one type are left to the other reader too.

    Raises UnusableSchemaError for what is no schema, and for the two sorts on which a bad record could bring
    the process down: arrays whose items take no bytes, as ten bytes could be billions of them; and a record
    inside itself, as fastavro 1.13 overruns the stack at some thousand levels.
    """
    named: dict[str, Any] = {}
    try:
        for document in documents:
            parsed = fastavro.parse_schema(json.loads(document), named_schemas=named, _write_hint=False)
    except (SchemaParseException, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # fastavro checks no more than it needs: what is badly wrong fails as what it happens to be.
        raise UnusableSchemaError(f"not an Avro schema: {error}") from error
    walk = _Walk(named, {})
    plain = _plain(parsed, walk, 0)
    is_record = isinstance(plain, dict) and plain["type"] == "record"
    text = json.dumps(plain) if walk.columnar and is_record else None
    return AvroSchema(fastavro.parse_schema(plain), text, is_record)


def _plain(node: Any, walk: _Walk, depth: int) -> Any:
    """Return a schema without annotations, each named type written out where it is first met."""
    if depth > _MAX_DEPTH:
        raise UnusableSchemaError("nested too deeply")
    if isinstance(node, list):
        if len(node) != 2 or node.count("null") != 1:
            walk.columnar = False
        return [_plain(member, walk, depth + 1) for member in node]
    return _composed({"type": node} if isinstance(node, str) else node, walk, depth)


def _composed(node: dict[str, Any], walk: _Walk, depth: int) -> Any:
    """Return anything but a union without annotations."""
    kind = node.get("type")
    if kind in _PRIMITIVES:
        return _primitive(node, walk)
    if kind in ("array", "map"):
        return _container(node, walk, depth)
    if kind in ("record", "error", "enum", "fixed"):
        return _named(node, walk, depth)
    if kind in walk.done:
        if walk.done[kind] is None:
            raise UnusableSchemaError(f"{kind} is inside itself")
        return kind
    if kind in walk.named:
        return _named(walk.named[kind], walk, depth)
    raise UnusableSchemaError(f"no such type: {kind}")


def _container(node: dict[str, Any], walk: _Walk, depth: int) -> Any:
    """Return an array or a map without annotations; raises UnusableSchemaError for items of no bytes."""
    key = "items" if node["type"] == "array" else "values"
    below = _plain(node.get(key), walk, depth + 1)
    if key == "items" and _takes_no_bytes(below, walk):
        raise UnusableSchemaError("the items of an array take no bytes")
    return {"type": node["type"], key: below}


def _primitive(node: dict[str, Any], walk: _Walk) -> Any:
    if node["type"] != "bytes":
        return node["type"]
    walk.columnar = False
    return {**_decimal(node), "type": "bytes"}


def _named(node: dict[str, Any], walk: _Walk, depth: int) -> Any:
    """Return a record, enumeration or fixed without annotations."""
    name, kind = node["name"], node["type"]
    if name in walk.done:
        return name
    if kind == "enum":
        walk.done[name] = {"type": "enum", "name": name, "symbols": node["symbols"]}
    elif kind == "fixed":
        if type(node["size"]) is not int or node["size"] < 0:
            raise UnusableSchemaError(f"{name} has no size")
        walk.columnar = False
        walk.done[name] = {**_decimal(node), "type": "fixed", "name": name, "size": node["size"]}
    else:
        walk.done[name] = None
        fields = [{"name": f["name"], "type": _plain(f["type"], walk, depth + 1)} for f in node["fields"]]
        walk.done[name] = {"type": "record", "name": name, "fields": fields}
    return walk.done[name]


def _decimal(node: dict[str, Any]) -> dict[str, Any]:
    """Return the annotation of a decimal that can be read, else nothing."""
    digits = node.get("precision")
    if node.get("logicalType") != "decimal" or type(digits) is not int or not 0 < digits <= _MAX_DECIMAL_DIGITS:
        return {}
    return {key: node[key] for key in ("logicalType", "precision", "scale") if key in node}


def _takes_no_bytes(node: Any, walk: _Walk) -> bool:
    """Return whether a value can be written in no bytes."""
    if isinstance(node, list):
        return False
    if isinstance(node, str):
        if node in _PRIMITIVES:
            return node == "null"
        node = walk.done[node]
    if node["type"] == "fixed":
        return bool(node["size"] == 0)
    return node["type"] == "record" and all(_takes_no_bytes(f["type"], walk) for f in node["fields"])
