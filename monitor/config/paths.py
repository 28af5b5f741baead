"""Field paths: how they are written, and which of them the decoder could not tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

MAX_PATH_LENGTH = 256
RECORD_PATHS = ("$key", "$timestamp_ms", "$header.NAME")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def checked_path(path: str) -> str:
    """Return a well-formed field path unchanged; raises ValueError with the remedy for any other."""
    if len(path) > MAX_PATH_LENGTH:
        raise ValueError(f"a field path has at most {MAX_PATH_LENGTH} characters")
    if _CONTROL.search(path):
        raise ValueError("a field path holds no control characters")
    if path.startswith("$"):
        if path in ("$key", "$timestamp_ms") or (path.startswith("$header.") and len(path) > len("$header.")):
            return path
        raise ValueError(f"of the record itself there are {', '.join(RECORD_PATHS)}")
    if not all(part and part == part.strip() for part in path.split(".")):
        raise ValueError("a field path is names separated by single dots, such as merchant.mcc")
    return path


FieldPath = Annotated[str, AfterValidator(checked_path)]
"""A dotted path into the record, or one of the record's own `$key`, `$timestamp_ms`, `$header.NAME`."""


def confusable(paths: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return `(path, earlier path, why)` for each path that clashes with an earlier one.

    The decoder sees one tree of names without regard to letter case, so two spellings of one name
    clash, and so does a name that is both a value and an object.
    """
    spellings: dict[str, tuple[str, str]] = {}  # folded prefix -> (as spelled, path it is from)
    leaves: dict[str, str] = {}
    clashes = []
    for path in paths:
        if path.startswith("$"):
            continue
        parts = path.split(".")
        prefixes = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
        clash = None
        for prefix in prefixes:
            spelled, origin = spellings.setdefault(prefix.casefold(), (prefix, path))
            if spelled != prefix:
                clash = (path, origin, "they differ only in letter case")
            elif prefix != path and prefix in leaves:
                clash = (path, leaves[prefix], "one would be both a value and an object")
        if clash is None and spellings[path.casefold()][1] != path:
            clash = (path, spellings[path.casefold()][1], "one would be both a value and an object")
        leaves[path] = path
        if clash is not None:
            clashes.append(clash)
    return clashes
