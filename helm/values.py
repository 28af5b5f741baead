"""Reads values.yaml with its comments: what `# --` says of each value, and what `# @schema` allows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_KEY = re.compile(r"( *)([A-Za-z_][A-Za-z0-9_]*):(.*)")
_INDENT = 2


@dataclass(frozen=True)
class Value:
    """A value that is documented: its path, its default, what is said of it and what its schema adds."""

    path: tuple[str, ...]
    default: Any
    text: str
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the path as people write it."""
        return ".".join(self.path)


def read_values(text: str) -> list[Value]:
    """Return the documented values in their order; ValueError for a value that nobody documents.

    Only block mappings have comments, one key a line; what is below a documented mapping is its default.
    """
    defaults = yaml.safe_load(text)
    found = list(_documented(text, defaults))
    missing = set(_leaves(defaults, (), {value.path for value in found})) - {value.path for value in found}
    if missing:
        raise ValueError(f"without a `# --` comment: {sorted('.'.join(path) for path in missing)}")
    return found


def _documented(text: str, defaults: Any) -> Iterator[Value]:
    path: list[str] = []
    said: list[str] = []
    schema = ""
    for line in text.splitlines():
        comment = line.strip()
        if comment.startswith("# --"):
            said, schema = [comment[4:].strip()], ""
        elif comment.startswith("# @schema"):
            schema = comment[9:].strip()
        elif comment.startswith("#"):
            said = [*said, comment[1:].strip()] if said else []
        elif match := _KEY.fullmatch(line):
            path[len(match[1]) // _INDENT :] = [match[2]]
            if said:
                yield Value(tuple(path), _at(defaults, path), " ".join(said), yaml.safe_load(schema) or {})
            said, schema = [], ""
        else:
            said, schema = [], ""


def _at(defaults: Any, path: list[str]) -> Any:
    for name in path:
        defaults = defaults[name]
    return defaults


def _leaves(value: Any, path: tuple[str, ...], known: set[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of values that are no mapping of others, nor below a documented one."""
    if path in known or not isinstance(value, dict) or not value:
        yield path
        return
    for name, each in value.items():
        yield from _leaves(each, (*path, name), known)
