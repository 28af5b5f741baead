"""What a receiver is told of incidents: begin, worse, end; storms; failures, refusals and restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import Retryable, Undeliverable
from monitor.incidents import Forgetful, Grouped, Grouping, Ledger, Storm
from monitor.incidents.telling import UPDATE_MS
from monitor.store.incidents import IncidentTable
from monitor.types import Alert
from tests.support.alerts import START_MS, an_alert

NOW_MS = START_MS + 600_000
MINUTE_MS = 60_000


class FakeSink:
    """Remembers what it got, or raises what it is told to."""

    name = "oncall"

    def __init__(self) -> None:
        self.told: list[list[Alert]] = []
        self.failures: list[Exception | None] = []
        self.closed = 0

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.told.append(list(alerts))

    def close(self) -> None:
        self.closed += 1

    @property
    def said(self) -> list[tuple[str, str]]:
        """Status and severity of every message."""
        return [(alert.status, alert.severity) for messages in self.told for alert in messages]


def part(name: str = "amount", incident: str = "night", **settings: Any) -> Alert:
    """Return an alert of an incident."""
    alert = an_alert(name, **settings)
    words = {"incident": incident, "cause": "Since midnight amount of country=DE rose"} if incident else {}
    return replace(alert, annotations={**alert.annotations, **words})


def over(alert: Alert) -> Alert:
    """Return the end of an alert."""
    return replace(alert, status="resolved", ends_at_ms=alert.starts_at_ms + 5 * MINUTE_MS)


def made(sink: FakeSink, records: Any = None, **settings: Any) -> Grouped:
    return Grouped(sink, Grouping(**settings), records or Forgetful())


def test_all_alerts_of_an_incident_are_one_page_and_one_end() -> None:
    sink = FakeSink()
    grouped = made(sink)
    amount, country = part(), part("country", severity="critical")
    grouped.deliver([amount, country], NOW_MS)
    grouped.deliver([part("mcc")], NOW_MS)
    assert grouped.open == 1
    grouped.deliver([over(amount), over(part("mcc"))], NOW_MS)
    grouped.deliver([over(country)], NOW_MS)
    assert sink.said == [("firing", "critical"), ("resolved", "critical")]
    (begin,), (end,) = sink.told
    assert begin.fingerprint == end.fingerprint
    assert begin.annotations["summary"] == "2 alerts: country psi, amount psi"
    assert begin.annotations["cause"] == "Since midnight amount of country=DE rose"
    assert begin.labels == {
        "alertname": "DriftlineIncident",
        "monitor": "payments",
        "rule": "psi",
        "incident": "night",
        "severity": "critical",
    }
    assert end.annotations["summary"] == "3 alerts: country psi, amount psi, mcc psi"
    assert (begin.starts_at_ms, begin.ends_at_ms) == (START_MS, None)
    assert (end.starts_at_ms, end.ends_at_ms) == (START_MS, START_MS + 5 * MINUTE_MS)
    assert grouped.open == 0


def test_an_alert_that_is_alone_speaks_for_itself_with_the_identity_of_its_incident() -> None:
    sink = FakeSink()
    grouped = made(sink, updates=True)
    grouped.deliver([part()], NOW_MS)
    grouped.deliver([part("country")], NOW_MS)
    (alone,), (both,) = sink.told
    assert alone == replace(part(), fingerprint=both.fingerprint)
    assert both.labels["alertname"] == "DriftlineIncident"


def test_alerts_without_an_incident_and_of_other_incidents_are_apart() -> None:
    sink = FakeSink()
    grouped = made(sink)
    grouped.deliver([part("a", ""), part("b", ""), part("c", "one"), part("d", "two")], NOW_MS)
    (told,) = sink.told
    assert [alert.fingerprint for alert in told[:2]] == ["fp-a", "fp-b"]
    assert len({alert.fingerprint for alert in told}) == 4


def test_only_what_gets_worse_is_told_again_unless_updates_are_quiet() -> None:
    for updates, expected in ((False, 2), (True, 4)):
        sink = FakeSink()
        grouped = made(sink, updates=updates)
        for alert in (part("a"), part("b"), part("c", severity="critical"), part("d", severity="critical")):
            grouped.deliver([alert], NOW_MS)
        assert len(sink.said) == expected
        assert sink.said[-1] == ("firing", "critical")
        assert len({message.fingerprint for (message,) in sink.told}) == 1


def test_a_change_of_severity_neither_ends_nor_begins_an_incident() -> None:
    sink = FakeSink()
    grouped = made(sink)
    warning, critical = part(), part(severity="critical")
    grouped.deliver([warning], NOW_MS)
    grouped.deliver([over(warning), replace(critical, annotations={"summary": "another incident by now"})], NOW_MS)
    grouped.deliver([over(critical), warning], NOW_MS)
    grouped.deliver([over(warning), critical], NOW_MS)
    assert sink.said == [("firing", "warning"), ("firing", "critical")]
    grouped.deliver([over(critical)], NOW_MS)
    assert sink.said[2:] == [("resolved", "critical")]
    assert len({message.fingerprint for (message,) in sink.told}) == 1


def test_an_incident_that_comes_back_is_told_again_with_the_same_identity() -> None:
    sink = FakeSink()
    grouped = made(sink)
    for start_ms in (START_MS, START_MS + MINUTE_MS):
        grouped.deliver([part(starts_at_ms=start_ms)], NOW_MS)
        grouped.deliver([over(part(starts_at_ms=start_ms))], NOW_MS)
    assert sink.said == [("firing", "warning"), ("resolved", "warning")] * 2
    assert len({message.fingerprint for (message,) in sink.told}) == 1


def test_what_is_over_before_it_could_be_told_is_no_page() -> None:
    sink = FakeSink()
    made(sink).deliver([part(), over(part())], NOW_MS)
    assert sink.said == [("resolved", "warning")]


def test_the_end_of_an_alert_that_was_told_before_incidents_were_passes() -> None:
    sink = FakeSink()
    grouped = made(sink)
    grouped.deliver([over(part()), part()], NOW_MS)
    assert sink.told[0][0] == over(part())
    assert [alert.status for alert in sink.told[0]] == ["resolved", "firing"]


def test_a_delivery_that_is_repeated_after_a_kill_says_nothing_new(tmp_path: Path) -> None:
    sink, path = FakeSink(), tmp_path / "state.sqlite"
    one, other = part("a", "one"), part("b", "two")
    for delivery in ([one, other], [over(one), over(other), part("c", "three"), over(part("c", "three"))]):
        made(sink, IncidentTable(path, "oncall")).deliver(delivery, NOW_MS)
        n = len(sink.told)
        for _ in range(2):
            made(sink, IncidentTable(path, "oncall")).deliver(delivery, NOW_MS)
        assert len(sink.told) == n


def test_a_restart_goes_on_with_the_open_incidents(tmp_path: Path) -> None:
    sink, path = FakeSink(), tmp_path / "state.sqlite"
    made(sink, IncidentTable(path, "oncall")).deliver([part(), part("country")], NOW_MS)
    again = made(sink, IncidentTable(path, "oncall"))
    assert again.open == 1
    again.deliver([over(part()), over(part("country"))], NOW_MS)
    assert sink.said == [("firing", "warning"), ("resolved", "warning")]
    assert IncidentTable(path, "oncall").load().incidents == {}
    assert IncidentTable(path, "another").load() == Ledger()


def test_whoever_may_have_heard_of_it_hears_of_its_end(tmp_path: Path) -> None:
    sink, path = FakeSink(), tmp_path / "state.sqlite"
    sink.failures = [Retryable("no answer in time")]
    with pytest.raises(Retryable):
        made(sink, IncidentTable(path, "oncall")).deliver([part()], NOW_MS)
    made(sink, IncidentTable(path, "oncall")).deliver([over(part())], NOW_MS)
    assert sink.said == [("resolved", "warning")]


def test_what_begins_anew_while_its_end_may_have_been_heard_is_told() -> None:
    sink = FakeSink()
    grouped = made(sink)
    grouped.deliver([part()], NOW_MS)
    sink.failures = [Retryable("no answer in time")]
    with pytest.raises(Retryable):
        grouped.deliver([over(part())], NOW_MS)
    grouped.deliver([part(starts_at_ms=NOW_MS)], NOW_MS)
    assert sink.said == [("firing", "warning")] * 2


def test_a_failure_names_the_alerts_whose_incidents_need_not_come_again() -> None:
    sink = FakeSink()
    grouped = made(sink)
    sink.failures = [Retryable("busy", retry_after_s=7, delivered=[0])]
    alerts = [part("a", "one"), part("b", "two"), part("c", "one")]
    with pytest.raises(Retryable, match="busy") as caught:
        grouped.deliver(alerts, NOW_MS)
    assert (caught.value.retry_after_s, caught.value.delivered) == (7, {0, 2})
    grouped.deliver([alerts[1]], NOW_MS)
    assert [message.annotations["incident"] for message in sink.told[0]] == ["two"]


def test_a_refusal_names_the_alerts_of_the_refused_incident() -> None:
    sink = FakeSink()
    grouped = made(sink)
    sink.failures = [Undeliverable("too large", positions=[1])]
    with pytest.raises(Undeliverable, match="too large") as caught:
        grouped.deliver([part("a", "one"), part("b", "two"), part("c", "two")], NOW_MS)
    assert caught.value.positions == {1, 2}
    grouped.deliver([over(part("b", "two")), over(part("c", "two"))], NOW_MS)
    assert sink.told == [], "who refused it hears of no end"
    grouped.deliver([part("d", "two")], NOW_MS)
    assert sink.said == [("firing", "warning")]


def test_a_refusal_of_nobody_knows_what_is_asked_about_one_by_one() -> None:
    sink = FakeSink()
    grouped = made(sink)
    sink.failures = [Undeliverable("400"), None, Undeliverable("400"), None]
    with pytest.raises(Undeliverable) as caught:
        grouped.deliver([part("a", "one"), part("b", "two"), part("c", "three")], NOW_MS)
    assert caught.value.positions == {1}
    assert len(sink.said) == 2


def test_a_storm_is_one_page_that_gets_worse_grows_and_ends() -> None:
    sink = FakeSink()
    grouped = made(sink, storm=Storm(3, 10 * MINUTE_MS))
    alerts = [part(f"f{n}", str(n)) for n in range(10)]
    grouped.deliver(alerts[:8], NOW_MS)
    assert len(sink.told[0]) == 4
    storm = sink.told[0][3]
    assert storm.labels == {"alertname": "DriftlineStorm", "monitor": "payments", "severity": "warning"}
    assert storm.annotations["summary"] == "Storm: 5 more alerts of 5 incidents"
    assert storm.annotations["counts"].startswith("by severity: warning 5; by rule: psi 5; by field: f3 1, f4 1")
    assert (grouped.storms, grouped.open, grouped.resend_interval_ms) == (1, 4, None)

    grouped.deliver([alerts[8]], NOW_MS + 1000)
    assert len(sink.told) == 1
    assert grouped.resend_interval_ms == UPDATE_MS
    grouped.deliver([part("f3", "3", severity="critical")], NOW_MS + 2000)
    assert (sink.told[1][0].fingerprint, sink.told[1][0].severity) == (storm.fingerprint, "critical")
    assert sink.told[1][0].annotations["summary"] == "Storm: 6 more alerts of 6 incidents"

    grouped.deliver([alerts[9]], NOW_MS + 3000)
    grouped.deliver(alerts[:1], NOW_MS + 2000 + UPDATE_MS)
    assert sink.told[2][0].annotations["summary"] == "Storm: 7 more alerts of 7 incidents"
    assert grouped.resend_interval_ms is None

    grouped.deliver([over(alert) for alert in alerts], NOW_MS + UPDATE_MS + 5000)
    assert [alert.status for alert in sink.told[3]] == ["resolved"] * 3, "the storm still has a critical alert"
    grouped.deliver([over(part("f3", "3", severity="critical"))], NOW_MS + UPDATE_MS + 6000)
    assert (sink.told[4][0].status, sink.told[4][0].fingerprint) == ("resolved", storm.fingerprint)
    assert grouped.open == 0


def test_after_the_storm_incidents_are_told_one_by_one_again() -> None:
    sink = FakeSink()
    grouped = made(sink, storm=Storm(2, 10 * MINUTE_MS))
    grouped.deliver([part(f"f{n}", str(n)) for n in range(4)], NOW_MS)
    grouped.deliver([part("late", "late")], NOW_MS + 10 * MINUTE_MS)
    assert sink.told[1][0].annotations["incident"] == "late"
    assert grouped.storms == 1


def test_an_alert_of_an_incident_in_a_storm_joins_the_storm() -> None:
    sink = FakeSink()
    grouped = made(sink, storm=Storm(1, 10 * MINUTE_MS))
    grouped.deliver([part("a", "one"), part("b", "two")], NOW_MS)
    grouped.deliver([part("c", "two")], NOW_MS + 60 * MINUTE_MS)
    assert sink.told[1][0].annotations["summary"] == "Storm: 2 more alerts"
    grouped.deliver([over(part("b", "two")), over(part("c", "two"))], NOW_MS + 61 * MINUTE_MS)
    grouped.deliver([part("d", "two")], NOW_MS + 62 * MINUTE_MS)
    assert sink.told[-1][0].annotations["incident"] == "two"


def test_told_alert_by_alert_everything_passes_once_incidents_are_over(tmp_path: Path) -> None:
    sink, path = FakeSink(), tmp_path / "state.sqlite"
    made(sink, IncidentTable(path, "oncall")).deliver([part()], NOW_MS)
    key = sink.told[0][0].fingerprint
    grouped = made(sink, IncidentTable(path, "oncall"), group_by="alert")
    grouped.deliver([part("country"), over(part())], NOW_MS)
    assert [(a.status, a.fingerprint) for a in sink.told[1]] == [("resolved", key), ("firing", "fp-country")]
    grouped.deliver([over(part("country"))], NOW_MS)
    alerts = [over(part()), part(severity="critical")]
    grouped.deliver(alerts, NOW_MS)
    assert sink.told[-1] == alerts


def test_a_storm_of_alerts_is_one_page_too() -> None:
    sink = FakeSink()
    grouped = made(sink, group_by="alert", storm=Storm(1, MINUTE_MS))
    grouped.deliver([part("a"), part("b"), part("c")], NOW_MS)
    assert [alert.fingerprint for alert in sink.told[0]][:1] == ["fp-a"]
    assert sink.told[0][1].annotations["summary"] == "Storm: 2 more alerts of 2 incidents"


def test_long_lists_and_strange_words_are_cut_and_printable() -> None:
    sink = FakeSink()
    made(sink).deliver([part(f"f\n{n:03}" + "x" * 500) for n in range(60)], NOW_MS)
    words = sink.told[0][0].annotations
    assert words["summary"].endswith("and 55 more")
    assert words["alerts"].endswith("; and 40 more")
    assert "\n" not in words["summary"] + words["alerts"]
    assert len(words["summary"]) < 600
    assert len(words["alerts"]) < 6_000


def test_closing_closes_the_sink_and_the_records(tmp_path: Path) -> None:
    sink = FakeSink()
    grouped = made(sink, IncidentTable(tmp_path / "state.sqlite", "oncall"))
    grouped.close()
    grouped.close()
    assert sink.closed == 2
