"""The sentence of an incident: what changed, where, since when, and how much of the whole that explains."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.accumulators.presence import PresenceCounts
from monitor.causes.explaining import Explanation
from monitor.plan import MonitorPlan
from monitor.printable import iso, printable
from monitor.profile import frame_key
from monitor.results import WindowResult

_NAME_CHARS = 60
_FIELDS_SHOWN = 4
Related = Sequence[tuple[str, float | None]]


def name(text: str) -> str:
    """Return a name from configuration or records as it may be printed."""
    return printable(text, _NAME_CHARS)


def moment(ms: int) -> str:
    """Return a time as `2013-03-04 06:00 UTC`; the number where it is in no year that people write."""
    text = iso(ms)
    return str(ms) if text is None else f"{text[:10]} {text[11:16]} UTC"


def opening(onset_ms: int) -> str:
    """Return how the sentence begins."""
    return f"Since {moment(onset_ms)} (onset, ±1 window) "


def sentence(plan: MonitorPlan, window: WindowResult, cause: Explanation, related: Related) -> str:
    """Return an incident in one sentence of plain words, but for its opening."""
    where = f" of {name(cause.segment)}" if cause.segment and not cause.is_mix else ""
    parts = [_change(plan, window, cause, where), *_origin(cause)]
    if related:
        shown = (f"{name(f)} (r {r:.2f})" if r is not None else name(f) for f, r in related[:_FIELDS_SHOWN])
        more = f" and {len(related) - _FIELDS_SHOWN} more" if len(related) > _FIELDS_SHOWN else ""
        parts.append(f"also moved: {', '.join(shown)}{more}")
    return "; ".join(parts)


def _origin(cause: Explanation) -> list[str]:
    """Return what of the whole's movement is where."""
    named = [part for part in cause.segments if part.named]
    who = ", ".join(name(part.segment) for part in named[:_FIELDS_SHOWN])
    if cause.is_mix:
        return [f"{cause.mix_share:.0%} of the movement is mix: the size of {who} changed"]
    if cause.segment and named and cause.within_share is not None:
        share = math.fsum(part.within for part in named) / math.fsum(p.mix + p.within for p in cause.segments)
        return [f"{min(share, 1.0):.0%} of the whole's movement comes from within {who}"]
    if not cause.segment and cause.segments:
        return [f"most in {who}" if named else "no segment stands out"]
    return []


def _change(plan: MonitorPlan, window: WindowResult, cause: Explanation, where: str) -> str:
    """Return what happened to the field: its mean, its share of missing values, its cells, or its check's failures."""
    group = 0 if cause.is_mix else plan.segmenter.shown.index(cause.segment)
    field = f"{name(cause.field)}{where}" if cause.field else f"the data{where}"
    check = next(
        (c for c in window.checks if (c.check, c.field, c.segment) == (cause.rule, cause.field, cause.segment)), None
    )
    if check is not None:
        failed = "" if check.whole else f" in {check.failures} of {check.rows} rows"
        return f"{field} fails {name(check.check)}{failed}"
    missing = _missing(window, cause.field, group)
    if isinstance(_current(window, cause.spec), PresenceCounts) and missing is not None:
        return f"{field} is missing in {missing[0]:.1%} → {missing[1]:.1%} of its rows"
    if cause.means is not None:
        before, now, sure = cause.means
        if sure:
            return f"{field} {'rose' if now > before else 'fell'}: mean {before:.4g} → {now:.4g}"
        return f"{field} changed, mean {before:.4g} → {now:.4g}, most in the cells {_cells(cause)}"
    cells = _cells(cause)
    return f"{field} changed{', most in the cells ' + cells if cells else ''}"


def _cells(cause: Explanation) -> str:
    return ", ".join(f"{name(label)} {share:+.0%}" for label, share in cause.cells)


def _current(window: WindowResult, spec: object) -> object:
    return None if window.profile is None else window.profile.accumulators.get(spec)  # type: ignore[call-overload]


def _missing(window: WindowResult, field: str, group: int) -> tuple[float, float] | None:
    """Return the share of missing values of baseline and window; None where one of them is not kept."""
    if window.profile is None or window.baseline is None:
        return None
    for spec, now in window.profile.accumulators.items():
        if isinstance(now, PresenceCounts) and frame_key(spec) == field and spec in window.baseline.accumulators:
            before = window.baseline.accumulators[spec]
            shares = (float(side.missing[group] / max(int(side.rows[group]), 1)) for side in (before, now))
            return next(shares), next(shares)
    return None
