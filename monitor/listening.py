"""The signals of the process: SIGTERM and SIGINT drain, a second one ends it at once, SIGHUP reloads."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from monitor.first_process import at_once


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first SIGTERM or SIGINT; a second one ends the process at once, as the checkpoint allows.

    Does nothing outside the main thread, which is the only one that hears signals.
    """

    def drain(number: int, _frame: FrameType | None) -> None:
        structlog.get_logger(__name__).info("signal_received", signal=signal.Signals(number).name)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, at_once())
        stop()

    with _handled({signal.SIGTERM: drain, signal.SIGINT: drain}):
        yield


@contextmanager
def starting() -> Iterator[None]:
    """Leave on SIGTERM or SIGINT, closing what was opened: nothing was read yet, so nothing has to be saved.

    Without a handler the first process of a container would not even hear them.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        structlog.get_logger(__name__).info("signal_received", signal=signal.Signals(number).name)
        raise SystemExit(128 + number)

    with _handled({signal.SIGTERM: leave, signal.SIGINT: leave}):
        yield


@contextmanager
def hanging_up(reload: Callable[[], object]) -> Iterator[None]:
    """Call `reload`, which must return at once, on every SIGHUP."""

    def ask(number: int, _frame: FrameType | None) -> None:
        structlog.get_logger(__name__).info("signal_received", signal=signal.Signals(number).name)
        reload()

    with _handled({signal.SIGHUP: ask}):
        yield


@contextmanager
def _handled(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Handle signals inside, and as before afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
