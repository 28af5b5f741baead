"""What a configuration may hold at a location, read off its JSON Schema: keys, kinds, secrets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from monitor.config.document import Loc
from monitor.config.schema import configuration_schema


@cache
def _root() -> dict[str, Any]:
    return configuration_schema()


def allowed_keys(steps: Loc) -> tuple[str, ...]:
    """Return the keys of the closed mapping at `steps` (with the tags of unions), else nothing."""
    return tuple(key for node in _at(steps) for key in node.get("properties", {}))


def allowed_kinds(steps: Loc) -> tuple[str, ...]:
    """Return the kinds that the union at `steps` has, in the order they are declared."""
    return tuple(kind for node in _at(steps) for kind in node.get("discriminator", {}).get("mapping", {}))


def is_secret(steps: Loc) -> bool:
    """Return whether the value at `steps`, or one around it, is a secret."""
    return any(node.get("format") == "password" for end in range(len(steps) + 1) for node in _at(steps[:end]))


def is_number(steps: Loc) -> bool:
    """Return whether only a number may stand at `steps`."""
    types = {node.get("type") for node in _at(steps)} - {"null"}
    return bool(types) and types <= {"integer", "number"}


def leaves(value: Any, loc: Loc = (), steps: Loc = ()) -> Iterator[tuple[Loc, Loc, Any]]:
    """Yield every scalar of a document with its location, and the same with the tags of unions."""
    if isinstance(value, dict):
        kind = value.get("kind")
        if isinstance(kind, str) and kind in allowed_kinds(steps):
            steps = (*steps, kind)
        for key, inner in value.items():
            yield from leaves(inner, (*loc, key), (*steps, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*loc, index), (*steps, index))
    else:
        yield loc, steps, value


def _at(steps: Loc) -> list[dict[str, Any]]:
    """Return the schemas that may apply at `steps`; none where the schema does not know the way."""
    nodes = _alternatives(_root())
    for step in steps:
        nodes = [found for node in nodes for found in _step(node, step)]
    return nodes


def _step(node: dict[str, Any], step: str | int) -> list[dict[str, Any]]:
    tags = node.get("discriminator", {}).get("mapping", {})
    if step in tags:
        return _alternatives({"$ref": tags[step]})
    if isinstance(step, int):
        prefix = node.get("prefixItems", [])
        items = prefix[step] if step < len(prefix) else node.get("items")
        return _alternatives(items) if isinstance(items, dict) else []
    if step in node.get("properties", {}):
        return _alternatives(node["properties"][step])
    rest = node.get("additionalProperties")
    return _alternatives(rest) if isinstance(rest, dict) else []


def _alternatives(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas a node stands for: references followed, `anyOf` opened, unions by kind kept whole."""
    if "$ref" in node:
        return _alternatives(_root()["$defs"][node["$ref"].rsplit("/", 1)[-1]])
    options = [found for option in node.get("anyOf", []) for found in _alternatives(option)]
    return options or [node]
