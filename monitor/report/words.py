"""What happened, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.report.gathering import CheckTally, Tally
from monitor.types import Level
from monitor.web.console_model import urgency
from monitor.web.text import clock, number, shown


def windows(n: int) -> str:
    """Return `1 window` or `2 windows`."""
    return f"{n:,} window" if n == 1 else f"{n:,} windows"


def headline(levels: Sequence[Level | None], alerts: int) -> str:
    """Return the one sentence that the report has to say; `levels` are the worst of each field."""
    if not levels:
        return "No field was compared."
    drifted = sum(level in (Level.WARNING, Level.CRITICAL) for level in levels)
    fired = f"{alerts} alert{'' if alerts == 1 else 's'} fired"
    if drifted:
        return f"{drifted} of {len(levels)} fields drifted at some time; {fired}."
    if all(level in (Level.UNKNOWN, None) for level in levels):
        return f"Nothing could be said of any field; {fired}."
    return f"No field drifted; {fired}."


def field_sentence(tallies: Mapping[str, Tally]) -> str:
    """Return what became of a field in one segment, from its tallies by detector."""
    if not tallies:
        return "No detector compares this field."
    total = max(tally.levels.total() for tally in tallies.values())
    bad = {detector: tally for detector, tally in tallies.items() if tally.bad}
    if not bad:
        unknown = min(tally.levels[Level.UNKNOWN] for tally in tallies.values())
        if unknown == total:
            reasons = {tally.worst.reason for tally in tallies.values() if tally.worst is not None}
            return f"Unknown in all {windows(total)}: {', '.join(sorted(reasons)) or 'not judged'}."
        rest = f" ({unknown:,} of them unknown)" if unknown else ""
        return f"No drift in {windows(total)}{rest}."
    worst_detector, worst = max(bad.items(), key=lambda item: (urgency(item[1].level), item[1].bad))
    first = min(tally.first_bad_ms for tally in bad.values() if tally.first_bad_ms is not None)
    text = (
        f"At warning or above in {worst.bad:,} of {windows(total)}, first at {clock(first)}. "
        f"Worst by {worst_detector} at {clock(worst.worst_start_ms)}"
    )
    found = worst.worst
    if found is not None and found.score is not None:
        text += f": {number(found.score)}"
        if found.lower_bound is not None:
            text += f", with 95 % confidence at least {number(found.lower_bound)}"
        if found.noise_floor is not None:
            text += f", where {number(found.noise_floor)} is expected without drift"
    quiet = sorted(set(tallies) - set(bad))
    return text + "." + (f" Quiet: {', '.join(quiet)}." if quiet else "")


def check_sentence(tally: CheckTally) -> str:
    """Return what became of a check in one segment."""
    total = tally.levels.total()
    if tally.bad:
        why = shown(tally.reason, 200)
        return f"Failed in {tally.bad:,} of {windows(total)} ({why}), first at {clock(tally.first_bad_ms)}."
    return "Not judged." if tally.level in (Level.UNKNOWN, None) else f"Held in {windows(total)}."
