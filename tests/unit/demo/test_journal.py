from __future__ import annotations

import pytest

from monitor.demo.journal import Journal
from monitor.snapshot import Snapshot
from monitor.types import Alert


def alert(name: str, severity: str = "warning") -> Alert:
    return Alert(
        "firing",
        f"fingerprint of {name}",
        severity,  # type: ignore[arg-type]
        0,
        labels={"rule": "psi", "field": name},
        annotations={"summary": f"{name} drifted from its baseline (psi 0.500)"},
    )


def snapshot(*alerts: Alert) -> Snapshot:
    return Snapshot("demo", "0", "0", 0, alerts=alerts)


@pytest.fixture
def journal() -> Journal:
    return Journal()


def test_a_fault_and_its_end_are_told_once(journal):
    kinds = [
        [event.kind for event in journal.see(float(at), snapshot(), faulty=faulty)]
        for at, faulty in enumerate([False, True, True, False, False])
    ]
    assert kinds == [[], ["fault"], [], ["healed"], []]


def test_an_alert_fires_once_and_resolves_once(journal):
    [event] = journal.see(12.0, snapshot(alert("amount")), faulty=False)
    assert event.line == " 12 s  FIRING   warning: amount drifted from its baseline (psi 0.500)"
    assert journal.see(12.5, snapshot(alert("amount")), faulty=False) == []
    assert journal.firing == 1
    [event] = journal.see(20.0, snapshot(), faulty=False)
    assert event.line == " 20 s  RESOLVED amount (psi), after 8 s"
    assert (journal.fired, journal.resolved, journal.firing) == (1, 1, 0)


def test_another_severity_is_the_same_alert(journal):
    journal.see(12.0, snapshot(alert("amount")), faulty=False)
    [event] = journal.see(14.0, snapshot(alert("amount", "critical")), faulty=False)
    assert event.text == "CHANGED  amount (psi) is now critical"
    journal.see(20.0, snapshot(), faulty=False)
    assert (journal.fired, journal.resolved) == (1, 1)
    assert journal.events[-1].text.endswith("after 8 s")


def test_an_alert_may_come_back(journal):
    for alerts in ((alert("amount"),), (), (alert("amount"), alert("risk")), ()):
        journal.see(1.0, snapshot(*alerts), faulty=False)
    assert (journal.fired, journal.resolved) == (3, 3)
