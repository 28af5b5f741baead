"""Laws that hold for the alert book whatever the levels are."""

from __future__ import annotations

import json
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import AlertBook, Key, Signal
from monitor.types import Alert, Level

levels = st.sampled_from(list(Level))
hysteresis = st.integers(1, 4)
histories = st.lists(st.tuples(levels, levels), max_size=40)
runs = st.lists(st.tuples(levels, st.integers(1, 12)), max_size=12)


def step(book: AlertBook, window: int, both: tuple[Level, Level], k: int, m: int, windows: int = 1) -> list[Alert]:
    """Judge `windows` windows of width 10 with two streams."""
    signals = [Signal("psi", name, "", level, "r", {}, k, m) for name, level in zip("ab", both, strict=True)]
    return book.step(window * 10, (window + windows) * 10, signals, windows=windows)


@given(histories, hysteresis, hysteresis)
def test_an_alert_never_fires_twice_without_resolving(history: list[tuple[Level, Level]], k: int, m: int) -> None:
    book = AlertBook("m")
    firing: set[tuple[str, str]] = set()
    for window, both in enumerate(history):
        for alert in step(book, window, both, k, m):
            identity = (alert.fingerprint, alert.severity)
            assert (identity in firing) == (alert.status == "resolved")
            firing ^= {identity}
        assert firing == {(alert.fingerprint, alert.severity) for alert in book.firing()}
        assert len({fingerprint for fingerprint, _ in firing}) == len(firing)


@given(histories, hysteresis, hysteresis)
def test_unknown_windows_can_be_left_out(history: list[tuple[Level, Level]], k: int, m: int) -> None:
    with_unknowns, without = AlertBook("m"), AlertBook("m")
    for window, (level, _) in enumerate(history):
        transitions = step(with_unknowns, window, (level, Level.UNKNOWN), k, m)
        if level is Level.UNKNOWN:
            assert transitions == []
        else:
            assert transitions == step(without, window, (level, Level.UNKNOWN), k, m)
    for book in (with_unknowns, without):
        for stream in book.state()["streams"]:
            stream["life"].pop("stale")
    assert with_unknowns.firing() == without.firing()
    assert with_unknowns.pending() == without.pending()


@given(histories, hysteresis, hysteresis, st.integers(0, 40))
def test_a_restart_through_json_changes_nothing(
    history: list[tuple[Level, Level]], k: int, m: int, restart_at: int
) -> None:
    whole, restarted = AlertBook("m"), AlertBook("m")
    for window, both in enumerate(history):
        if window == restart_at:
            state = json.loads(json.dumps(restarted.state()))
            restarted = AlertBook("m")
            restarted.load(state)
        assert step(restarted, window, both, k, m) == step(whole, window, both, k, m)
    assert restarted.state() == whole.state()
    assert restarted.stale() == whole.stale()


@given(runs, hysteresis, hysteresis)
def test_a_run_of_windows_equals_its_windows_one_by_one(run: list[tuple[Level, int]], k: int, m: int) -> None:
    at_once, one_by_one, window = AlertBook("m"), AlertBook("m"), 0
    for level, windows in run:
        both = (level, Level.WARNING)
        expected = [alert for i in range(windows) for alert in step(one_by_one, window + i, both, k, m)]
        assert step(at_once, window, both, k, m, windows) == expected
        assert at_once.state() == one_by_one.state()
        window += windows


@given(histories, hysteresis, hysteresis)
def test_only_what_is_not_ok_and_what_is_active_has_to_be_sent(
    history: list[tuple[Level, Level]], k: int, m: int
) -> None:
    full, sparse = AlertBook("m"), AlertBook("m")
    for window, both in enumerate(history):
        expected = step(full, window, both, k, m)
        known = {Key("psi", name, ""): level for name, level in zip("ab", both, strict=True)}
        sent = [Signal(*key, level, "r", {}, k, m) for key, level in known.items() if level >= Level.WARNING]
        looked_up = sparse.step(window * 10, window * 10 + 10, sent, level_of=known.__getitem__)
        assert looked_up == expected
        assert sparse.state() == full.state()


@given(st.lists(levels, max_size=60), st.integers(2, 5), hysteresis)
def test_flapping_shorter_than_raise_after_never_fires(noise: list[Level], k: int, m: int) -> None:
    book = AlertBook("m")
    flapping: list[Level] = []
    for level in noise:
        known = [past for past in flapping if past is not Level.UNKNOWN]
        lengths = [(breach, len(list(group))) for breach, group in groupby(known, key=lambda x: x >= Level.WARNING)]
        too_long = bool(lengths) and lengths[-1][0] and lengths[-1][1] >= k - 1
        flapping.append(Level.OK if too_long and level >= Level.WARNING else level)
    for window, level in enumerate(flapping):
        assert step(book, window, (level, Level.OK), k, m) == []


@given(histories, hysteresis, hysteresis)
def test_starts_and_ends_are_windows_of_the_history(history: list[tuple[Level, Level]], k: int, m: int) -> None:
    book = AlertBook("m")
    for window, both in enumerate(history):
        for alert in step(book, window, both, k, m):
            stream = "ab".index(alert.labels["field"])
            assert history[alert.starts_at_ms // 10][stream] >= Level.WARNING
            assert alert.starts_at_ms <= window * 10
            assert alert.ends_at_ms == (window * 10 + 10 if alert.status == "resolved" else None)
