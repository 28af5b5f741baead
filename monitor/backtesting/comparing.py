"""Two configurations on the same history: which alerts only one of them has, and which came at other times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.alerting import Key
from monitor.backtesting.fired import FiredAlert


@dataclass
class Difference:
    """Alerts by what became of them: only in the new configuration, only in the old, in both but otherwise, the same.

    `changed` holds pairs of old and new.
    """

    added: list[FiredAlert] = field(default_factory=list)
    removed: list[FiredAlert] = field(default_factory=list)
    changed: list[tuple[FiredAlert, FiredAlert]] = field(default_factory=list)
    same: int = 0


def compare(old: Sequence[FiredAlert], new: Sequence[FiredAlert], end_ms: int) -> Difference:
    """Return the difference; alerts of one stream are one and the same where both fired at the same time.

    Where one of either side overlaps several of the other, it goes with the first that is left.
    """
    found = Difference()
    waiting: dict[Key, list[FiredAlert]] = {}
    for alert in old:
        waiting.setdefault(alert.key, []).append(alert)
    for alert in new:
        candidates = waiting.get(alert.key, [])
        match = next((each for each in candidates if _overlap(each, alert, end_ms)), None)
        if match is None:
            found.added.append(alert)
            continue
        candidates.remove(match)
        if (match.starts_at_ms, match.spells) == (alert.starts_at_ms, alert.spells):
            found.same += 1
        else:
            found.changed.append((match, alert))
    left = [alert for candidates in waiting.values() for alert in candidates]
    found.removed = sorted(left, key=lambda alert: (alert.fired_at_ms, alert.key))
    return found


def _overlap(one: FiredAlert, other: FiredAlert, end_ms: int) -> bool:
    """Return whether two alerts hold at the same time, each from its first breaching window to its end."""
    ends = [end_ms if each.ends_at_ms is None else each.ends_at_ms for each in (one, other)]
    return max(one.starts_at_ms, other.starts_at_ms) < max(min(ends), min(one.starts_at_ms, other.starts_at_ms) + 1)
