"""The closed, frozen base of everything that can be configured, and the units it is written in."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d|w)")
_CENTURY_MS = 36_525 * 86_400_000
_BYTE_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_BYTE_SIZE = re.compile(r"(\d+)\s*([A-Za-z]*)")


class Spec(BaseModel):
    """A configurable thing: frozen, hashable, and closed, so that a misspelt key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def parse_duration_ms(value: Any) -> int:
    """Return milliseconds for `250ms`, `30s`, `1m`, `1.5h`, `30d`; an int is taken as milliseconds.

    Raises ValueError for anything else, with what is allowed.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration; write a number and a unit of ms, s, m, h, d or w, such as 30s")
    return round(float(match[1]) * _UNIT_MS[match[2]])


def format_duration(ms: int) -> str:
    """Return the shortest exact spelling of a duration, such as `90s` for 90000."""
    for unit in ("w", "d", "h", "m", "s"):
        if ms and ms % _UNIT_MS[unit] == 0:
            return f"{ms // _UNIT_MS[unit]}{unit}"
    return f"{ms}ms"


def _within_a_century(ms: int) -> int:
    if not 0 <= ms <= _CENTURY_MS:
        raise ValueError("not between 0 and a century")
    return ms


DurationMs = Annotated[
    int,
    BeforeValidator(parse_duration_ms),
    # not Field(ge=…, le=…): pydantic would let those replace a setting's own `ge` or `le`
    AfterValidator(_within_a_century),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d|w)$", "examples": ["30s", "5m"]}),
]
"""A duration in milliseconds, written `30s` in configuration; the name of such a setting has no unit."""


def parse_bytes(value: Any) -> Any:
    """Return a number of bytes for `64MiB` or `1 GB`; anything but text is left to the type's own check.

    Raises ValueError for text that is not a number with a known unit.
    """
    if not isinstance(value, str):
        return value
    match = _BYTE_SIZE.fullmatch(value.strip())
    if match is None or match[2].upper() not in _BYTE_UNITS:
        raise ValueError("not a size; write a number of bytes, or a number and KiB, MiB, GiB, kB, MB or GB")
    return int(match[1]) * _BYTE_UNITS[match[2].upper()]


Bytes = Annotated[
    int,
    Field(ge=1),
    BeforeValidator(parse_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d+\s*[A-Za-z]*$"}]}),
]
"""A number of bytes, written 1048576 or `1MiB`."""
