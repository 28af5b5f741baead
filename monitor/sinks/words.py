"""What every sink for people says of an alert: its headline, its evidence, its links."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.printable import printable
from monitor.sinks.instants import rfc3339
from monitor.types import Alert

LINKS = {"dashboard_url": "Dashboard", "console_url": "Console", "runbook_url": "Runbook"}
"""The annotations that are links, and what they are called, in the order in which they are shown."""

_FIRST = ("cause", "description", "evidence")
_RANKS = {"critical": 0, "warning": 1, "resolved": 2}
_SAID_ELSEWHERE = {"summary", *LINKS}


def headline(alert: Alert) -> str:
    """Return what the alert is about in one line that can be printed, never empty."""
    words = " ".join(alert.annotations.get("summary", "").split()) or alert.labels.get("alertname", "") or "alert"
    return printable(words, len(words))


def evidence(alert: Alert) -> list[tuple[str, str]]:
    """Return the annotations that are neither headline nor link, by name: cause, description, evidence come first."""
    names = [name for name in _FIRST if name in alert.annotations]
    names += [name for name in alert.annotations if name not in _SAID_ELSEWHERE and name not in _FIRST]
    return [(name, printable(value, len(value))) for name in names if (value := alert.annotations[name])]


def links(alert: Alert) -> list[tuple[str, str]]:
    """Return what the links are called, with their URLs."""
    return [(title, alert.annotations[name]) for name, title in LINKS.items() if alert.annotations.get(name)]


def state(alert: Alert) -> str:
    """Return `critical`, `warning` or `resolved`."""
    return alert.severity if alert.status == "firing" else "resolved"


def since(alert: Alert) -> str:
    """Return from when on it holds, in event time, and for a resolved one until when."""
    begin = f"since {rfc3339(alert.starts_at_ms)}"
    return begin if alert.ends_at_ms is None else f"{begin}, until {rfc3339(alert.ends_at_ms)}"


def worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Return the alerts with those of an incident together, and the incident with the worst of them first."""
    incidents = [alert.annotations.get("incident") or alert.fingerprint for alert in alerts]
    ranks: dict[str, int] = {}
    for incident, alert in zip(incidents, alerts, strict=True):
        ranks[incident] = min(ranks.get(incident, len(_RANKS)), _RANKS[state(alert)])
    firsts = {incident: place for place, incident in reversed(list(enumerate(incidents)))}
    order = sorted(range(len(alerts)), key=lambda at: (ranks[incidents[at]], firsts[incidents[at]], at))
    return [alerts[at] for at in order]


def title(alerts: Sequence[Alert]) -> str:
    """Return what several alerts are about: the one's headline, or how many fire and how many are over."""
    monitor = next((alert.labels["monitor"] for alert in alerts if alert.labels.get("monitor")), "driftline")
    if len(alerts) == 1:
        return f"{monitor}: [{state(alerts[0])}] {headline(alerts[0])}"
    counts = {name: sum(state(alert) == name for alert in alerts) for name in ("critical", "warning", "resolved")}
    return f"{monitor}: " + ", ".join(f"{n} {name}" for name, n in counts.items() if n)


def clipped(text: str, longest: int) -> str:
    """Return at most so many characters; what is left out shows as an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def replaced(alerts: Sequence[Alert]) -> dict[int, int]:
    """Return the resolves that only make room for the same alert with another severity, by position.

    Each is mapped to the trigger, later in the same delivery, that goes on with its fingerprint and its start.
    Who knows alerts by their fingerprint must not be told of such an end: the thing is not over.
    """
    found: dict[int, int] = {}
    open_: dict[tuple[str, int], int] = {}
    for position, alert in enumerate(alerts):
        key = (alert.fingerprint, alert.starts_at_ms)
        if alert.status == "resolved":
            open_[key] = position
        elif key in open_:
            found[open_.pop(key)] = position
    return found
