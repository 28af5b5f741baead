"""Untrusted names and values as YAML scalars and as comments, which they must never break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_UNSHOWABLE = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202f-\u205f\u2070-\ud7ff\uf900-\ufdcf\ufdf0-\ufefe\uff00-\ufffd]")
_SHOWN = 60


def scalar(value: str | float) -> str:
    """Return a value in YAML as the loader reads it back: text quoted unless it is a plain word, no interpolation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value)
    return key(value.replace("${", "$${"))


def key(text: str) -> str:
    """Return a text as a key, which the loader does not interpolate: a plain word, or quoted."""
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1 << 20)).strip()


def number(value: float) -> str:
    """Return a finite number in its shortest exact form, whole ones without a fraction."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def short(value: float) -> str:
    """Return a number to be read, not to be read back: whole ones exactly, others to four digits."""
    return number(value) if float(value).is_integer() else f"{value:.4g}"


def flow(values: Iterable[str | float | bool | None]) -> str:
    """Return a YAML list on one line."""
    return "[" + ", ".join("null" if value is None else scalar(value) for value in values) + "]"


def shown(text: str, limit: int = _SHOWN) -> str:
    """Return a text as it may stand in a comment or on a terminal: one line, cut, nothing that could steer either."""
    safe = _UNSHOWABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text[: limit + 1])
    return safe if len(text) <= limit and len(safe) <= 2 * limit else safe[:limit] + "…"
