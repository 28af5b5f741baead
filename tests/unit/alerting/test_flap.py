"""Flapping: what is damped, for how long, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monitor.alerting import AlertBook, Flap, Key, Signal
from monitor.types import Alert, Level

OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL
MINUTE_MS = 60_000
HOUR = Flap(3, 60 * MINUTE_MS)


class Stream:
    """One stream of one-minute windows that raises after one and clears after two."""

    def __init__(self, flap: Flap | None = HOUR, width_ms: int = MINUTE_MS) -> None:
        self.flap, self.width_ms, self.window = flap, width_ms, 0
        self.book = AlertBook("m", flap=flap)

    def play(self, *levels: Level) -> list[Alert]:
        """Judge a window of each level; return the transitions."""
        told = []
        for level in levels:
            signal = Signal("psi", "amount", "", level, "r", {}, 1, 2)
            start_ms, self.window = self.window * self.width_ms, self.window + 1
            told += self.book.step(start_ms, start_ms + self.width_ms, [signal])
        return told

    def flaps(self, n: int) -> list[Alert]:
        """Be bad once and good twice, `n` times."""
        return self.play(*[WARNING, OK, OK] * n)


def outline(alerts: Sequence[Alert]) -> list[str]:
    return [f"{alert.severity} {alert.status}" for alert in alerts]


def test_the_third_time_within_the_hour_stays_until_it_is_quiet_for_twice_as_long() -> None:
    stream = Stream()
    assert outline(stream.flaps(2)) == ["warning firing", "warning resolved"] * 2
    assert stream.book.active_keys() == frozenset()
    (third,) = stream.flaps(10)
    assert third.status == "firing"
    assert third.annotations["flapping"] == "it keeps firing and resolving, so it resolves after 4 quiet windows"
    assert stream.book.firing()[0].annotations["flapping"] == third.annotations["flapping"]
    assert outline(stream.play(OK, OK)) == ["warning resolved"]


def test_every_further_time_doubles_the_quiet_windows_up_to_the_hour() -> None:
    stream = Stream()
    stream.flaps(2)
    waits = []
    for _ in range(7):
        stream.play(WARNING)
        waits.append(0)
        while stream.book.firing():
            stream.play(OK)
            waits[-1] += 1
    assert waits == [4, 8, 16, 32, 60, 60, 60]


def test_an_hour_without_it_and_it_counts_from_one_again() -> None:
    stream = Stream()
    stream.flaps(5)
    stream.play(OK, OK, OK, OK)
    assert not stream.book.firing()
    assert stream.book.state()["streams"] != []
    stream.play(*[OK] * 60)
    assert stream.book.state()["streams"] == []
    assert outline(stream.flaps(2)) == ["warning firing", "warning resolved"] * 2


def test_what_comes_back_seldom_does_not_flap() -> None:
    stream = Stream()
    for _ in range(5):
        assert outline(stream.play(WARNING, *[OK] * 40)) == ["warning firing", "warning resolved"]


def test_of_windows_that_are_longer_forty_eight_are_remembered() -> None:
    stream = Stream(width_ms=24 * 60 * MINUTE_MS)
    for _ in range(2):
        stream.play(WARNING, *[OK] * 20)
    assert "flapping" in stream.play(WARNING)[0].annotations
    stream.play(*[OK] * 60)
    assert not stream.book.firing()


def test_a_severity_that_flaps_stays_critical() -> None:
    stream = Stream()
    stream.play(WARNING)
    assert outline(stream.play(CRITICAL, WARNING, WARNING)) == [
        "warning resolved", "critical firing", "critical resolved", "warning firing",
    ]  # fmt: skip
    stream.play(CRITICAL, WARNING, WARNING)
    assert outline(stream.play(*[CRITICAL, WARNING, WARNING] * 5)) == ["warning resolved", "critical firing"]
    (alert,) = stream.book.firing()
    assert alert.annotations["flapping"] == "it keeps becoming critical, so it is a warning after 4 calmer windows"
    assert outline(stream.play(OK, OK)) == ["critical resolved"], "good is good, and it did not fire anew"


def test_without_a_setting_nothing_is_damped_or_remembered() -> None:
    stream = Stream(flap=None)
    assert outline(stream.flaps(6)) == ["warning firing", "warning resolved"] * 6
    assert stream.book.state()["streams"] == []


def test_the_state_of_a_version_that_knew_of_no_flapping_loads() -> None:
    stream = Stream()
    stream.play(WARNING)
    state = json.loads(json.dumps(stream.book.state()))
    state["version"] = 1
    for name in ("fired", "worse"):
        del state["streams"][0]["life"][name]
    old = Stream()
    old.window = stream.window
    old.book.load(state)
    assert old.book.active_keys() == {Key("psi", "amount", "")}
    assert outline(old.play(OK, OK)) == ["warning resolved"]
    assert outline(old.flaps(2)) == ["warning firing", "warning resolved", "warning firing", "warning resolved"]
