"""Which fields a text or a name is about, by their configured paths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping


def is_configured(name: str, paths: Iterable[str]) -> bool:
    """Return whether a configured path begins with the name of a record's field."""
    return any(path == name or path.startswith(f"{name}.") for path in paths)


def types_named(text: str, types: Mapping[str, str]) -> tuple[str, ...]:
    """Return the types of the fields that a Spec, as JSON, may be about: those whose path occurs in it."""
    return tuple(f"{path}: {kind}" for path, kind in types.items() if json.dumps(path)[1:-1] in text)
