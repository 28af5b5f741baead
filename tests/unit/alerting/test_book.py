"""The life of alerts: pending, firing, changing severity, stale, resolved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from monitor.alerting import AlertBook, Key, Signal, fingerprint
from monitor.errors import StoreError
from monitor.types import Alert, Level

OK, WARNING, CRITICAL, UNKNOWN = Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN
MINUTE_MS = 60_000


def a_signal(level: Level, field: str = "amount", **changes: Any) -> Signal:
    settings = {"raise_after": 2, "clear_after": 2, "reason": f"it is {level.name}", **changes}
    return Signal("psi", field, settings.pop("segment", ""), level, **settings)


def play(book: AlertBook, levels: Sequence[Level], start: int = 0, **changes: Any) -> list[list[Alert]]:
    """Step through one-minute windows of one stream and return the transitions of each."""
    return [
        book.step((start + i) * MINUTE_MS, (start + i + 1) * MINUTE_MS, [a_signal(level, **changes)])
        for i, level in enumerate(levels)
    ]


def outline(alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    return [(alert.status, alert.severity) for alert in alerts]


def test_an_alert_fires_after_raise_after_windows_and_starts_with_the_first() -> None:
    book = AlertBook("payments")
    first, second = play(book, [WARNING, WARNING], start=7)
    assert first == []
    assert outline(second) == [("firing", "warning")]
    assert second[0].starts_at_ms == 7 * MINUTE_MS
    assert second[0].ends_at_ms is None
    assert second[0].fingerprint == fingerprint("payments", "psi", "amount", "")


def test_a_breach_that_is_too_short_stays_pending_and_is_forgotten() -> None:
    book = AlertBook("payments")
    assert play(book, [CRITICAL]) == [[]]
    (pending,) = book.pending()
    assert (pending.key, pending.windows, pending.raise_after, pending.since_ms) == (Key("psi", "amount", ""), 1, 2, 0)
    assert play(book, [OK], start=1) == [[]]
    assert book.pending() == []
    assert book.active_keys() == frozenset()


def test_an_alert_is_critical_only_if_all_the_raising_windows_were() -> None:
    assert outline(play(AlertBook("m"), [CRITICAL, CRITICAL])[-1]) == [("firing", "critical")]
    assert outline(play(AlertBook("m"), [WARNING, CRITICAL])[-1]) == [("firing", "warning")]


def test_a_rise_in_severity_resolves_the_old_labels_before_the_new_fire() -> None:
    book = AlertBook("m")
    *_, last = play(book, [WARNING, CRITICAL, CRITICAL])
    assert outline(last) == [("resolved", "warning"), ("firing", "critical")]
    resolved, fired = last
    assert resolved.fingerprint == fired.fingerprint
    assert (resolved.labels["severity"], fired.labels["severity"]) == ("warning", "critical")
    assert resolved.starts_at_ms == fired.starts_at_ms == 0
    assert resolved.ends_at_ms == 3 * MINUTE_MS


def test_a_fall_in_severity_takes_clear_after_windows_below_critical() -> None:
    book = AlertBook("m")
    outlines = [outline(alerts) for alerts in play(book, [CRITICAL, CRITICAL, WARNING, CRITICAL, WARNING, OK])]
    assert outlines[2:5] == [[], [], []]
    assert outlines[5] == [("resolved", "critical"), ("firing", "warning")]


def test_an_alert_resolves_after_clear_after_ok_windows_at_the_end_of_the_last() -> None:
    book = AlertBook("m")
    outlines = play(book, [WARNING, WARNING, OK, WARNING, OK, OK])
    assert [outline(alerts) for alerts in outlines[2:]] == [[], [], [], [("resolved", "warning")]]
    (resolved,) = outlines[-1]
    assert (resolved.starts_at_ms, resolved.ends_at_ms) == (0, 6 * MINUTE_MS)
    assert book.firing() == []
    assert book.active_keys() == frozenset()


def test_a_resolved_alert_that_comes_back_has_a_new_start() -> None:
    book = AlertBook("m")
    *_, last = play(book, [WARNING, WARNING, OK, OK, WARNING, WARNING])
    assert last[0].starts_at_ms == 4 * MINUTE_MS


def test_unknown_windows_make_a_firing_alert_stale_and_change_nothing_else() -> None:
    book = AlertBook("m")
    play(book, [WARNING, UNKNOWN, WARNING, OK])
    assert len(book.firing()) == 1
    assert play(book, [UNKNOWN, UNKNOWN, UNKNOWN], start=4) == [[], [], []]
    assert book.stale() == book.firing()
    (last,) = play(book, [OK], start=7)
    assert outline(last) == [("resolved", "warning")]


def test_a_stream_that_is_not_sent_is_unknown() -> None:
    book = AlertBook("m")
    play(book, [WARNING, WARNING])
    assert book.step(2 * MINUTE_MS, 3 * MINUTE_MS, []) == []
    assert book.stale() == book.firing() != []


def test_a_stream_that_is_heard_of_again_is_not_stale() -> None:
    book = AlertBook("m")
    play(book, [WARNING, WARNING, UNKNOWN, WARNING])
    assert book.stale() == []


def test_levels_of_active_streams_can_be_looked_up_instead_of_sent() -> None:
    book = AlertBook("m")
    play(book, [WARNING, WARNING])
    asked: list[Key] = []

    def level_of(key: Key) -> Level:
        asked.append(key)
        return OK

    transitions = [
        alert for i in (2, 3) for alert in book.step(i * MINUTE_MS, (i + 1) * MINUTE_MS, [], level_of=level_of)
    ]
    assert outline(transitions) == [("resolved", "warning")]
    assert asked == [Key("psi", "amount", "")] * 2


def test_a_run_of_empty_windows_is_one_step_with_the_time_of_the_right_window() -> None:
    book = AlertBook("m")
    (alert,) = book.step(0, 1000 * MINUTE_MS, [a_signal(WARNING)], windows=1000)
    assert (alert.status, alert.starts_at_ms) == ("firing", 0)
    (alert,) = book.step(1000 * MINUTE_MS, 1_000_000 * MINUTE_MS, [a_signal(OK)], windows=999_000)
    assert (alert.status, alert.ends_at_ms) == ("resolved", 1002 * MINUTE_MS)


def test_a_run_of_sliding_windows_advances_by_the_pane() -> None:
    book = AlertBook("m")
    (alert,) = book.step(0, 9 * MINUTE_MS, [a_signal(WARNING)], windows=5, stride_ms=MINUTE_MS)
    assert alert.starts_at_ms == 0
    (alert,) = book.step(5 * MINUTE_MS, 14 * MINUTE_MS, [a_signal(OK)], windows=5, stride_ms=MINUTE_MS)
    assert alert.ends_at_ms == (5 + 5 + 1) * MINUTE_MS


def test_transitions_come_by_window_then_stream() -> None:
    book = AlertBook("m")
    slow, fast = a_signal(WARNING, "a", raise_after=3), a_signal(WARNING, "b", raise_after=1)
    alerts = book.step(0, 3 * MINUTE_MS, [slow, fast], windows=3)
    assert [alert.labels["field"] for alert in alerts] == ["b", "a"]
    alerts = AlertBook("m").step(0, MINUTE_MS, [a_signal(WARNING, name, raise_after=1) for name in "cab"])
    assert [alert.labels["field"] for alert in alerts] == ["a", "b", "c"]


def test_labels_are_the_identity_and_leave_out_what_is_empty() -> None:
    book = AlertBook("payments", {"team": "risk", "monitor": "somebody else's"})
    signal = Signal("freshness", "", "", CRITICAL, "late", {"summary": "stopped"}, alertname="DriftlineCheck")
    (alert,) = book.step(0, MINUTE_MS, [signal])
    assert alert.labels == {
        "alertname": "DriftlineCheck",
        "team": "risk",
        "monitor": "payments",
        "rule": "freshness",
        "severity": "critical",
    }
    assert alert.annotations == {"summary": "stopped", "reason": "late"}


def test_an_alert_keeps_the_evidence_of_its_last_breaching_window() -> None:
    book = AlertBook("m")
    for i, (level, share) in enumerate([(WARNING, "1"), (WARNING, "2"), (WARNING, "3"), (OK, "4"), (OK, "5")]):
        alerts = book.step(i, i + 1, [a_signal(level, annotations={"share": share})])
        if i == 2:
            assert book.firing()[0].annotations == {"share": "3", "reason": "it is WARNING"}
    assert alerts[0].annotations == {"share": "3", "reason": "it is WARNING"}


def test_only_active_streams_are_remembered() -> None:
    book = AlertBook("m")
    many = [a_signal(OK, f"f{i}") for i in range(1000)] + [a_signal(UNKNOWN, f"g{i}") for i in range(1000)]
    book.step(0, MINUTE_MS, [*many, a_signal(WARNING, "h")])
    assert book.active_keys() == {Key("psi", "h", "")}
    assert len(book.state()["streams"]) == 1


def test_state_survives_json_and_the_book_goes_on() -> None:
    book = AlertBook("m")
    play(book, [CRITICAL, CRITICAL, UNKNOWN, OK])
    play(book, [WARNING], start=4, field="country")
    restored = AlertBook("m")
    restored.load(json.loads(json.dumps(book.state())))
    assert restored.state() == book.state()
    assert restored.firing() == book.firing()
    assert play(restored, [OK], start=5) == play(book, [OK], start=5) != [[]]


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"version": 3, "streams": []},
        {"version": 1},
        {"version": 1, "streams": [{"key": ["a"]}]},
        {"version": 1, "streams": [{"key": ["a", "b", "c"], "alertname": "x", "life": {"x": 1}}]},
    ],
)
def test_a_state_that_does_not_fit_is_refused_with_a_remedy(damaged: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="reset the checkpoint"):
        AlertBook("m").load(damaged)


def test_retired_streams_resolve_and_are_forgotten() -> None:
    book = AlertBook("m")
    play(book, [WARNING, WARNING], field="removed")
    play(book, [WARNING, WARNING], field="kept")
    play(book, [WARNING], field="removed too")
    alerts = book.retire(lambda key: key.field.startswith("removed"), 9 * MINUTE_MS)
    assert [(alert.status, alert.labels["field"], alert.ends_at_ms) for alert in alerts] == [
        ("resolved", "removed", 9 * MINUTE_MS)
    ]
    assert {key.field for key in book.active_keys()} == {"kept"}


def test_two_signals_for_one_stream_are_a_bug() -> None:
    with pytest.raises(ValueError, match="two signals"):
        AlertBook("m").step(0, 1, [a_signal(WARNING), a_signal(OK)])


@pytest.mark.parametrize("hysteresis", [(0, 1), (1, 0)])
def test_a_hysteresis_of_no_window_is_refused(hysteresis: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        a_signal(OK, raise_after=hysteresis[0], clear_after=hysteresis[1])
