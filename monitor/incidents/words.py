"""An incident as one alert, so that every sink can tell it: who is in it, the worst first, and what the worst says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from monitor.incidents.ledger import Incident, Severity, ordered
from monitor.printable import printable
from monitor.types import Alert

INCIDENT, STORM = "DriftlineIncident", "DriftlineStorm"
NAMED = 5
"""So many alerts are named in the summary."""
LISTED = 20
"""So many alerts are listed with what they say."""

_NAME_CHARS = 80
_LINE_CHARS = 200
_COUNTED = 8
_LINKS = ("dashboard_url", "console_url", "runbook_url")


def message(incident: Incident, status: Literal["firing", "resolved"]) -> Alert:
    """Return what is told of an incident, with its identity, the start that was told first and no less severity."""
    alerts = incident.firing if status == "firing" else ordered(member.alert for member in incident.members.values())
    told = incident.told
    severity: Severity = "critical" if told is not None and told.severity == "critical" else alerts[0].severity
    starts_at_ms = min(alert.starts_at_ms for alert in alerts) if told is None else told.starts_at_ms
    ends_at_ms = max((a.ends_at_ms or a.starts_at_ms for a in alerts), default=0) if status == "resolved" else None
    if incident.storm:
        whole = _storm(alerts, len({member.home for member in incident.members.values()}))
    elif len(incident.members) == 1:
        whole = alerts[0]
    else:
        whole = _together(alerts)
    return replace(
        whole,
        status=status,
        fingerprint=incident.key,
        severity=severity,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        labels={**whole.labels, "severity": severity},
    )


def _together(alerts: Sequence[Alert]) -> Alert:
    """Return several alerts as one: the labels that all have in common, and what the leading one says."""
    leading = alerts[0]
    things = list({alert.fingerprint: name(alert) for alert in reversed(alerts)}.values())[::-1]
    if len(things) == 1:
        # one alert that was a warning and is critical now, or the other way round
        return leading
    labels = {key: value for key, value in leading.labels.items() if all(a.labels.get(key) == value for a in alerts)}
    labels |= {"alertname": INCIDENT}
    if leading.annotations.get("incident"):
        labels["incident"] = leading.annotations["incident"]
    summary = f"{len(things)} alerts: {_listed(things, NAMED, ', ')}"
    return replace(
        leading,
        labels=labels,
        annotations={**leading.annotations, "summary": summary, "alerts": _lines(alerts)},
    )


def _storm(alerts: Sequence[Alert], incidents: int) -> Alert:
    """Return the alerts of a storm as one: how many, of what, and the worst of them."""
    leading = alerts[0]
    things = len({alert.fingerprint for alert in alerts})
    summary = f"Storm: {things} more {'alert' if things == 1 else 'alerts'}"
    counts = [
        f"by {label}: {_counted(alert.labels.get(label, '') for alert in alerts)}"
        for label in ("severity", "rule", "field")
    ]
    annotations = {
        "summary": summary if incidents <= 1 else f"{summary} of {incidents} incidents",
        "description": "More incidents began at once than are told one by one; these are told together.",
        "counts": "; ".join(counts),
        "alerts": _lines(alerts),
    }
    annotations |= {link: leading.annotations[link] for link in _LINKS if leading.annotations.get(link)}
    labels = {"alertname": STORM}
    if leading.labels.get("monitor"):
        labels["monitor"] = leading.labels["monitor"]
    return replace(leading, labels=labels, annotations=annotations)


def name(alert: Alert) -> str:
    """Return what an alert is about in a few words: `amount psi in country=DE`."""
    field, rule, segment = (alert.labels.get(label, "") for label in ("field", "rule", "segment"))
    about = rule if not field or rule.startswith(f"{field}.") else f"{field} {rule}"
    words = f"{about} in {segment}" if segment else about
    return printable(words.strip() or alert.labels.get("alertname", "alert"), _NAME_CHARS)


def _lines(alerts: Sequence[Alert]) -> str:
    """Return what each of the first alerts says, in one line."""
    lines = [
        printable(
            f"[{alert.severity}] {' '.join(alert.annotations.get('summary', '').split()) or name(alert)}", _LINE_CHARS
        )
        for alert in alerts
    ]
    return _listed(lines, LISTED, "; ")


def _listed(things: Sequence[str], most: int, between: str) -> str:
    """Return the first things, and how many are left out."""
    more = [f"and {len(things) - most} more"] if len(things) > most else []
    return between.join([*things[:most], *more])


def _counted(values: Iterable[str]) -> str:
    """Return how often each value occurs, the most frequent first."""
    counts = Counter(printable(value, _NAME_CHARS) or "none" for value in values)
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return _listed([f"{value} {n}" for value, n in frequent], _COUNTED, ", ")
