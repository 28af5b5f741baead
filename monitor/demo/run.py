"""The demo as a whole: set up, run the daemon beside the producer, tell the story, sum up."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.live import Live

from monitor.app import App, RunSettings, running
from monitor.clock import SystemClock
from monitor.demo.broker import EmbeddedBroker
from monitor.demo.journal import Journal
from monitor.demo.screen import render
from monitor.demo.setup import write_baseline, write_config
from monitor.demo.shop import TOPIC, Shop
from monitor.demo.story import ProducerThread, Story
from monitor.replay import totals

_LOOK_S = 0.25
_SEED = 7


def run_demo(listen: str, duration_s: float | None, console: Console) -> dict[str, int]:
    """Run until `duration_s` or Ctrl-C; return the totals with how many alerts fired and resolved.

    Raises SurroundingsError when the port is taken or the embedded broker does not start.
    """
    clock, shop = SystemClock(), Shop(_SEED)
    with tempfile.TemporaryDirectory(prefix="driftline-demo-") as name:
        directory = Path(name)
        broker = EmbeddedBroker()
        broker.create(TOPIC)
        config = write_config(directory, broker.bootstrap_servers, listen)
        version = write_baseline(config, shop, clock)
        console.print(
            f"baseline {version[:12]} of good days built; configuration: {directory / 'demo.yaml'}", soft_wrap=True
        )
        with running(config, RunSettings()) as app:
            producer = ProducerThread(broker, shop, Story(), clock)
            data = _DataThread(app)
            data.start()
            producer.start()
            journal = Journal()
            try:
                _watch(app, producer, journal, console, lambda: _over(producer, duration_s) or data.over)
            except KeyboardInterrupt:
                console.print("stopping")
            finally:
                producer.stop()
                app.daemon.stop()
                data.join()
            return totals(app.daemon.engine) | {"alerts_fired": journal.fired, "alerts_resolved": journal.resolved}


class _DataThread:
    """Runs the daemon; what it raises is raised again where it is joined."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="driftline-data")
        self._work: Future[None] | None = None

    def start(self) -> None:
        self._work = self._pool.submit(self._app.daemon.run)

    @property
    def over(self) -> bool:
        return self._work is not None and self._work.done()

    def join(self) -> None:
        if self._work is not None:
            self._work.result()


def _over(producer: ProducerThread, duration_s: float | None) -> bool:
    return duration_s is not None and producer.elapsed_s >= duration_s


def _watch(app: App, producer: ProducerThread, journal: Journal, console: Console, over: Callable[[], bool]) -> None:
    """Show what happens until it is over: a live table on a terminal, lines elsewhere."""
    tick = threading.Event()
    if not console.is_terminal:
        while not over():
            tick.wait(_LOOK_S)
            for at_s, _, line in journal.see(producer.elapsed_s, app.view.latest, faulty=producer.faulty):
                console.print(f"{at_s:5.1f} s  {line}", soft_wrap=True, highlight=False)
        return
    with Live(console=console, refresh_per_second=4, screen=False) as live:
        while not over():
            tick.wait(_LOOK_S)
            elapsed_s = producer.elapsed_s
            journal.see(elapsed_s, app.view.latest, faulty=producer.faulty)
            live.update(render(app.view.latest, journal, elapsed_s, app.http.url))
