"""Inhibition: what need not be told of while something worse that explains it fires."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.alerting.matching import Matcher, match_all
from monitor.types import Alert, AlertIdentity


@dataclass(frozen=True)
class Inhibition:
    """While an alert that fulfils `source` fires, those that fulfil `target` and share `equal` labels with it wait.

    It is Alertmanager's `inhibit_rules` in our words; alerts/alertmanager/alertmanager.yaml has the same ones.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def share(self, alert: Alert) -> tuple[str, ...]:
        """Return what source and target must agree in."""
        return tuple(alert.labels.get(name, "") for name in self.equal)


def inhibitions(no_data: Sequence[str], stale: Sequence[str]) -> tuple[Inhibition, ...]:
    """Return the rules, given the names of the checks that say `no data` and of those that say `stale`.

    No data explains stale data and all that is said of a field; stale data explains what is said of a field; and
    critical explains a warning on the same field and segment, or of the same rule. Nothing ever explains what is
    more severe than itself: so whoever is told of the one is, by severity, also told of the other. Each rule leads
    down in (no data, stale, field) or from critical to warning, so no chain of them comes back to its beginning.
    """
    of_field, of_none = Matcher("field", "!=", ""), Matcher("field", "=", "")
    critical, warning = Matcher("severity", "=", "critical"), Matcher("severity", "=", "warning")
    causes = [
        (Matcher("alertname", "=", "DriftlineCheck"), _any_of(names), of_none) if names else None
        for names in (no_data, stale)
    ]
    rules = []
    for cause, consequence in ((causes[0], causes[1]), (causes[0], (of_field,)), (causes[1], (of_field,))):
        if cause is not None and consequence is not None:
            rules.append(Inhibition((*cause, critical), consequence, ("monitor",)))
            rules.append(Inhibition((*cause, warning), (*consequence, warning), ("monitor",)))
    same_rule = ("alertname", "monitor", "rule", "field", "segment")
    return (
        *rules,
        Inhibition((critical, of_field), (warning, of_field), ("monitor", "field", "segment")),
        Inhibition((critical,), (warning,), same_rule),
    )


def inhibited(
    rules: Iterable[Inhibition], alerts: Sequence[Alert], firing: Sequence[Alert]
) -> Mapping[AlertIdentity, Alert]:
    """Return, for those of the alerts that wait behind another that fires, that other one; never an alert itself.

    That an alert is inhibited, silenced or held for its age does not keep it from inhibiting: the person who
    silenced it knows of it.
    """
    found: dict[AlertIdentity, Alert] = {}
    for rule in rules:
        sources: dict[tuple[str, ...], Alert] = {}
        for alert in firing:
            if match_all(rule.source, alert.labels):
                sources.setdefault(rule.share(alert), alert)
        if not sources:
            continue
        for alert in alerts:
            source = sources.get(rule.share(alert))
            if source is None or alert.identity in found or not match_all(rule.target, alert.labels):
                continue
            if not match_all(rule.source, alert.labels):
                found[alert.identity] = source
    return found


def _any_of(names: Sequence[str]) -> Matcher:
    """Return what matches the alerts of rules with these names."""
    if len(names) == 1:
        return Matcher("rule", "=", names[0])
    return Matcher("rule", "=~", "|".join(re.escape(name) for name in names))
