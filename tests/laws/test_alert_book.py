"""Laws that hold for the alert book whatever the levels are."""

from __future__ import annotations

import json
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import AlertBook, Flap, Key, Signal
from monitor.types import Alert, Level

levels = st.sampled_from(list(Level))
hysteresis = st.integers(1, 4)
flaps = st.sampled_from([None, Flap(2, 100), Flap(3, 2_000)])
histories = st.lists(st.tuples(levels, levels), max_size=40)
runs = st.lists(st.tuples(levels, st.integers(1, 12)), max_size=12)


def step(book: AlertBook, window: int, both: tuple[Level, Level], k: int, m: int, windows: int = 1) -> list[Alert]:
    """Judge `windows` windows of width 10 with two streams."""
    signals = [Signal("psi", name, "", level, "r", {}, k, m) for name, level in zip("ab", both, strict=True)]
    return book.step(window * 10, (window + windows) * 10, signals, windows=windows)


@given(histories, hysteresis, hysteresis, flaps)
def test_an_alert_never_fires_twice_without_resolving(
    history: list[tuple[Level, Level]], k: int, m: int, flap: Flap | None
) -> None:
    book = AlertBook("m", flap=flap)
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


@given(histories, hysteresis, hysteresis, st.integers(0, 40), flaps)
def test_a_restart_through_json_changes_nothing(
    history: list[tuple[Level, Level]], k: int, m: int, restart_at: int, flap: Flap | None
) -> None:
    whole, restarted = AlertBook("m", flap=flap), AlertBook("m", flap=flap)
    for window, both in enumerate(history):
        if window == restart_at:
            state = json.loads(json.dumps(restarted.state()))
            restarted = AlertBook("m", flap=flap)
            restarted.load(state)
        assert step(restarted, window, both, k, m) == step(whole, window, both, k, m)
    assert restarted.state() == whole.state()
    assert restarted.stale() == whole.stale()


@given(runs, hysteresis, hysteresis, flaps)
def test_a_run_of_windows_equals_its_windows_one_by_one(
    run: list[tuple[Level, int]], k: int, m: int, flap: Flap | None
) -> None:
    at_once, one_by_one, window = AlertBook("m", flap=flap), AlertBook("m", flap=flap), 0
    for level, windows in run:
        both = (level, Level.WARNING)
        expected = [alert for i in range(windows) for alert in step(one_by_one, window + i, both, k, m)]
        assert step(at_once, window, both, k, m, windows) == expected
        assert at_once.state() == one_by_one.state()
        window += windows


@given(histories, hysteresis, hysteresis, flaps)
def test_only_what_is_not_ok_and_what_is_active_has_to_be_sent(
    history: list[tuple[Level, Level]], k: int, m: int, flap: Flap | None
) -> None:
    full, sparse = AlertBook("m", flap=flap), AlertBook("m", flap=flap)
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


@given(histories, hysteresis, hysteresis, flaps)
def test_starts_and_ends_are_windows_of_the_history(
    history: list[tuple[Level, Level]], k: int, m: int, flap: Flap | None
) -> None:
    book = AlertBook("m", flap=flap)
    for window, both in enumerate(history):
        for alert in step(book, window, both, k, m):
            stream = "ab".index(alert.labels["field"])
            assert history[alert.starts_at_ms // 10][stream] >= Level.WARNING
            assert alert.starts_at_ms <= window * 10
            assert alert.ends_at_ms == (window * 10 + 10 if alert.status == "resolved" else None)


@given(st.lists(levels, max_size=60), hysteresis, hysteresis)
def test_damping_only_takes_longer_to_clear(history: list[Level], k: int, m: int) -> None:
    """While an undamped book fires the damped one does, as bad at least, and it resolves no sooner."""
    free, damped = AlertBook("m"), AlertBook("m", flap=Flap(2, 2_000))
    n = {id(free): 0, id(damped): 0}
    for window, level in enumerate(history):
        for book in (free, damped):
            n[id(book)] += sum(alert.status == "firing" for alert in step(book, window, (level, Level.OK), k, m))
        worst = {id(book): [alert.severity for alert in book.firing()] for book in (free, damped)}
        assert not worst[id(free)] or worst[id(damped)]
        assert worst[id(free)] != ["critical"] or worst[id(damped)] == ["critical"]


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 80)), min_size=20, max_size=60), hysteresis)
def test_a_flapping_stream_costs_a_bounded_number_of_pages(bouts: list[tuple[int, int]], m: int) -> None:
    """Between two resolves lie ever longer quiet times: pages grow with the time that passes, not with the flaps."""
    flap = Flap(3, 10)
    book, window, pages = AlertBook("m", flap=flap), 0, 0
    for bad, good in bouts:
        for level, windows in ((Level.CRITICAL, bad), (Level.OK, good)):
            signal = Signal("psi", "a", "", level, "r", {}, 1, m)
            told = book.step(window * 10, (window + windows) * 10, [signal], windows=windows)
            pages += sum(alert.status == "firing" for alert in told)
            window += windows
    doublings = 6  # 1 << 6 is over 48 windows
    per_horizon = flap.most + doublings
    assert pages <= per_horizon * (window // 48 + 1)


@given(histories, hysteresis, hysteresis, flaps)
def test_what_is_quiet_for_the_horizon_is_forgotten(
    history: list[tuple[Level, Level]], k: int, m: int, flap: Flap | None
) -> None:
    book = AlertBook("m", flap=flap)
    for window, both in enumerate(history):
        step(book, window, both, k, m)
    step(book, len(history), (Level.OK, Level.OK), k, m, windows=500)
    assert book.state()["streams"] == []
