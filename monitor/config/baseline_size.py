"""What a baseline keeps in memory besides its ruler: windows of a trailing one, hours of a seasonal one."""

from __future__ import annotations

from typing import Any, Final

_PRESENCE_BYTES, _MOMENTS_BYTES = 56, 48
_HISTOGRAM_BYTES: Final = 150 * 16
_TWICE: Final = 2
"""A window is kept as arrays, to be added up, and as bytes, to be stored."""


def baseline_bytes(baseline: Any, fields: Any, segments: Any, limits: Any) -> int:
    """Return the bytes at most, every category at its cap; 0 for a baseline that is one for all windows."""
    copies = _copies(baseline)
    groups: int = 1 + sum(segment.most + 1 for segment in segments)
    size: int = sum(_field_bytes(field, limits.max_categories) for field in fields.values())
    return int(copies * groups * size)


def _copies(baseline: Any) -> int:
    match getattr(baseline, "kind", None):
        case "trailing":
            accused = min(baseline.accept_after or 0, baseline.windows)
            return int(_TWICE * (baseline.windows + baseline.quarantine + accused) + 1)
        case "previous":
            return _TWICE * 2
        case "seasonal":
            return int(baseline.slots)
    return 0


def _field_bytes(field: Any, max_categories: int) -> int:
    """Return the bytes of a field's exact statistics for one group."""
    if field.type in ("number", "integer"):
        return _PRESENCE_BYTES + _MOMENTS_BYTES + _HISTOGRAM_BYTES
    if field.type == "vector":
        dimension: int = field.dimension
        return _PRESENCE_BYTES + 8 * (dimension * dimension + 2 * dimension)
    if field.type in ("category", "boolean"):
        known: int = 2 if field.type == "boolean" else min(max_categories, len(field.allowed or ()) or max_categories)
        return _PRESENCE_BYTES + 8 * (known + 2)
    return _PRESENCE_BYTES + _MOMENTS_BYTES
