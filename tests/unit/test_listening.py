"""Signals: the first one drains, a second one ends, SIGHUP reloads, and while it starts the process just leaves."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from monitor.listening import hanging_up, starting, stopping

ENDS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def _quiet():
    before = {number: signal.getsignal(number) for number in (*ENDS, signal.SIGHUP)}
    with capture_logs():
        yield
    assert {number: signal.getsignal(number) for number in before} == before


def send(number: signal.Signals) -> None:
    """Call what the process would call; no signal is sent, or one that nobody handles would end the tests."""
    handler = signal.getsignal(number)
    assert callable(handler)
    handler(number, None)


@pytest.mark.parametrize("number", ENDS)
def test_the_first_one_drains_and_the_second_one_is_left_to_the_kernel(number):
    stopped = []
    with stopping(lambda: stopped.append(number)):
        send(number)
        assert stopped == [number]
        assert {signal.getsignal(each) for each in ENDS} == {signal.SIG_DFL}


def test_every_hang_up_asks_for_a_reload():
    asked = []
    with hanging_up(lambda: asked.append(1)):
        send(signal.SIGHUP)
        send(signal.SIGHUP)
    assert asked == [1, 1]


@pytest.mark.parametrize("number", ENDS)
def test_while_it_starts_it_leaves_and_closes_what_was_opened(number):
    with pytest.raises(SystemExit) as left, starting():
        send(number)
    assert left.value.code == 128 + number


def test_outside_the_main_thread_nothing_is_handled():
    before = signal.getsignal(signal.SIGTERM)

    def look():
        with stopping(lambda: None), hanging_up(lambda: None):
            return signal.getsignal(signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(look).result() is before
