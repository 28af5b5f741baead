"""Why a notification is held: silences, maintenance windows, inhibition and age."""

from __future__ import annotations

import pytest

from monitor.alerting.holding import Gate, Hold, too_young
from monitor.alerting.inhibition import inhibitions
from monitor.alerting.matching import parse_matchers
from monitor.alerting.schedule import MaintenanceWindow, Once
from monitor.alerting.silence import Silence
from tests.support.alerts import an_alert

AMOUNT, COUNTRY = an_alert("amount"), an_alert("country")
WORSE = an_alert("amount", severity="critical", extra={"rule": "ks"})


def silence(*matchers: str, starts_at_ms: int = 100, ends_at_ms: int = 200) -> Silence:
    return Silence("s1", parse_matchers(matchers), starts_at_ms, ends_at_ms, "reload", "ada", 50)


def test_a_silence_is_pending_then_active_then_expired():
    assert [silence("field=x").state(at) for at in (99, 100, 199, 200)] == ["pending", "active", "active", "expired"]


def test_only_an_active_silence_holds_what_it_matches():
    gate, one = Gate(), silence("field=amount")
    assert gate.holds([AMOUNT, COUNTRY], [], [one], 99) == {}
    assert gate.holds([AMOUNT, COUNTRY], [], [one], 150) == {
        AMOUNT.identity: (Hold("silence", "s1", "reload", 200),),
    }
    assert gate.holds([AMOUNT, COUNTRY], [], [one], 200) == {}


def test_every_reason_is_listed():
    window = MaintenanceWindow("load", parse_matchers(["monitor=payments"]), Once(0, 300), "nightly")
    gate = Gate((window,), inhibitions([], []))
    holds = gate.holds([AMOUNT], [AMOUNT, WORSE], [silence("field=amount")], 150)
    assert [(hold.kind, hold.by, hold.until_ms) for hold in holds[AMOUNT.identity]] == [
        ("silence", "s1", 200),
        ("maintenance", "load", 300),
        ("inhibition", WORSE.fingerprint, None),
    ]
    assert holds[AMOUNT.identity][-1].reason == "ks amount critical fires"


@pytest.mark.parametrize(
    ("since_ms", "ended_at_ms", "now_ms", "held"),
    [
        (1_000, None, 1_000, True),
        (1_000, None, 1_999, True),
        (1_000, None, 2_000, False),
        (1_000, 1_500, 9_000, True),  # over before its time: nobody need hear
        (1_000, 2_500, 9_000, False),
        (5_000, None, 1_000, False),  # the clock was set back
    ],
)
def test_what_has_not_fired_long_enough_waits(since_ms, ended_at_ms, now_ms, held):
    assert (too_young("second", 1_000, since_ms, ended_at_ms, now_ms) is not None) is held


def test_a_sink_without_an_age_waits_for_nothing():
    assert too_young("first", 0, 1_000, None, 1_000) is None
    assert too_young("first", 0, 1_000, 1_000, 1_000) is None
