"""What waits while something worse that explains it fires."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from monitor.alerting.fingerprint import fingerprint
from monitor.alerting.inhibition import Inhibition, inhibited, inhibitions
from monitor.alerting.matching import Matcher
from monitor.types import Alert

RULES = inhibitions(["volume", "volume.usual"], ["freshness"])


def alert(rule: str, field: str = "", severity: Any = "warning", segment: str = "", monitor: str = "payments") -> Alert:
    check = rule not in ("psi", "ks")
    labels = {"alertname": "DriftlineCheck" if check else "DriftlineDrift", "monitor": monitor, "rule": rule}
    labels |= {"field": field, "segment": segment, "severity": severity}
    return Alert(
        "firing",
        fingerprint(monitor, rule, field, segment),
        severity,
        0,
        None,
        {name: value for name, value in labels.items() if value},
    )


NO_DATA, LOW = alert("volume", severity="critical"), alert("volume.usual")
STALE, VERY_STALE = alert("freshness"), alert("freshness", severity="critical")
DRIFT, WORSE_DRIFT = alert("psi", "amount"), alert("psi", "amount", "critical")
ROWS = alert("amount.range", "amount")
SQL = alert("refund_sign", severity="critical")


def waits(target: Alert, *firing: Alert) -> bool:
    return target.identity in inhibited(RULES, [target], [target, *firing])


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (NO_DATA, STALE, True),
        (NO_DATA, VERY_STALE, True),
        (NO_DATA, DRIFT, True),
        (NO_DATA, WORSE_DRIFT, True),
        (NO_DATA, ROWS, True),
        (NO_DATA, SQL, False),  # of no field: it says something of its own
        (NO_DATA, LOW, False),
        (LOW, STALE, True),
        (LOW, VERY_STALE, False),  # nothing explains what is more severe
        (LOW, WORSE_DRIFT, False),
        (STALE, DRIFT, True),
        (STALE, WORSE_DRIFT, False),
        (VERY_STALE, WORSE_DRIFT, True),
        (VERY_STALE, LOW, False),
        (STALE, NO_DATA, False),
        (DRIFT, STALE, False),
        (WORSE_DRIFT, alert("ks", "amount"), True),
        (WORSE_DRIFT, ROWS, True),
        (WORSE_DRIFT, alert("ks", "country"), False),
        (WORSE_DRIFT, alert("ks", "amount", segment="country=DE"), False),
        (WORSE_DRIFT, alert("ks", "amount", "critical"), False),
        (WORSE_DRIFT, alert("ks", "amount", monitor="other"), False),
        (alert("volume", severity="critical", monitor="other"), DRIFT, False),
        (DRIFT, alert("ks", "amount"), False),
        (alert("refund_sign", severity="critical"), alert("refund_sign"), True),
        (alert("refund_sign", severity="critical"), alert("volume"), False),
    ],
)
def test_who_explains_whom(source, target, expected):
    assert waits(target, source) is expected


def test_an_alert_alone_waits_for_nothing():
    for each in (NO_DATA, STALE, DRIFT, WORSE_DRIFT, SQL):
        assert not waits(each)


def test_what_waits_still_explains_others():
    """Stale data waits behind no data, and both explain the drift, as in Alertmanager."""
    found = inhibited(RULES, [STALE, DRIFT], [NO_DATA, STALE, DRIFT])
    assert {STALE.identity, DRIFT.identity} == set(found)


def test_no_chain_of_alerts_comes_back_to_its_beginning():
    """Whatever fires together, somebody is told of something: the graph of who waits behind whom has no cycle."""
    rules, fields, severities = ("volume", "freshness", "psi", "other"), ("", "amount"), ("warning", "critical")
    every = [alert(*each) for each in itertools.product(rules, fields, severities)]
    behind = {
        target.identity: {source.identity for source in every if waits(target, source)} - {target.identity}
        for target in every
    }
    for start, nearest in behind.items():
        seen, todo = set(), list(nearest)
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += behind[each]
        assert start not in seen


def test_a_rule_that_an_alert_fulfils_on_both_sides_does_not_silence_it():
    everything = (Matcher("severity", "!=", ""),)
    both = [Inhibition(everything, everything, ())]
    assert inhibited(both, [DRIFT, SQL], [DRIFT, SQL]) == {}


def test_names_are_taken_literally():
    rules = inhibitions(["a.b", "c+"], [])
    sources = [alert("axb", severity="critical"), alert("cc", severity="critical"), alert("a", severity="critical")]
    assert inhibited(rules, [DRIFT], [DRIFT, *sources]) == {}
    assert inhibited(rules, [DRIFT], [DRIFT, alert("a.b")]) != {}
    assert inhibited(rules, [DRIFT], [DRIFT, alert("c+")]) != {}
