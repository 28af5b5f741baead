"""How values are shown to people: short, finite, printable; nothing here trusts what it is given."""

from __future__ import annotations

import math

from monitor.printable import iso, printable

NOTHING = "–"


def shown(text: str, limit: int = 80) -> str:
    """Return `text` with at most `limit` characters, control and direction characters replaced."""
    return printable(text, limit)


def finite(value: float | None) -> float | None:
    """Return `value`, or None when it is NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def clock(ms: int | None) -> str:
    """Return a time as `2026-01-31 04:05:06 UTC`."""
    text = iso(ms)
    return NOTHING if text is None else f"{text[:10]} {text[11:19]} UTC"


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units, such as `7 min 3 s`."""
    if finite(seconds) is None or seconds is None:
        return NOTHING
    sign, left = ("−", -seconds) if seconds < 0 else ("", seconds)
    if left < 10:
        return f"{sign}{left:.1f} s"
    total = round(left)
    for size, name, below, part in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if total >= size:
            rest = total % size // below
            return f"{sign}{total // size} {name}" + (f" {rest} {part}" if rest else "")
    return f"{sign}{total} s"


def number(value: float | None) -> str:
    """Return a number with about three significant digits and thousands separated."""
    if finite(value) is None or value is None:
        return NOTHING
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e15 or size < 1e-4:
        return f"{value:.2e}"
    if size >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if size < 1 else f"{value:.4g}"


def percent(ratio: float | None) -> str:
    """Return a ratio as a percentage; what is not zero never reads 0 %."""
    if finite(ratio) is None or ratio is None:
        return NOTHING
    if ratio == 0:
        return "0 %"
    size = abs(ratio) * 100
    if size < 0.01:
        return "< 0.01 %" if ratio > 0 else "> −0.01 %"
    return f"{ratio * 100:.2f} %" if size < 1 else f"{ratio * 100:.1f} %"


def points(change: float) -> str:
    """Return a change of a ratio in percentage points, with its sign."""
    return f"{change * 100:+.1f}".replace("-", "−")
