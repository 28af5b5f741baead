"""The demo as a whole: set up, run the daemon beside the producer, tell the story, sum up."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live

from monitor.app import App, RunSettings, running
from monitor.clock import SystemClock
from monitor.demo.broker import EmbeddedBroker
from monitor.demo.journal import Journal
from monitor.demo.screen import farewell, head, render
from monitor.demo.setup import write_baseline, write_config
from monitor.demo.shop import TOPIC, Shop
from monitor.demo.story import Producer, Story
from monitor.describe import field_views
from monitor.replay import totals

_LOOK_S = 0.25
_SEED = 7


def run_demo(listen: str, duration_s: float | None, console: Console) -> dict[str, int]:
    """Run until `duration_s` or Ctrl-C; return the totals with how many alerts fired and resolved.

    Raises SurroundingsError when the port is taken or the embedded broker does not start.
    """
    clock, shop = SystemClock(), Shop(_SEED)
    with tempfile.TemporaryDirectory(prefix="driftline-demo-") as name:
        broker = EmbeddedBroker()
        broker.create(TOPIC)
        config = write_config(Path(name), broker.bootstrap_servers, listen)
        write_baseline(config, shop, clock)
        with running(config, RunSettings()) as app:
            console.print(f"Console: {app.http.url} · metrics: {app.http.url}/metrics", soft_wrap=True, highlight=False)
            console.print(f"Configuration: {name}/demo.yaml", soft_wrap=True, highlight=False)
            producer, journal = Producer(broker, shop, Story(), clock), Journal()
            try:
                with _working(app, producer) as ended:
                    _watch(app, producer, journal, console, duration_s, ended)
            except KeyboardInterrupt:
                console.print("stopped")
            counted = totals(app.daemon.engine)
    console.print(farewell(journal, counted["records"], counted["rejects"]), soft_wrap=True, highlight=False)
    return counted | {"alerts_fired": journal.fired, "alerts_resolved": journal.resolved}


@contextmanager
def _working(app: App, producer: Producer) -> Iterator[threading.Event]:
    """Run daemon and producer in threads; yield an event that is set when one ends. Raises what they raise."""
    ended = threading.Event()
    with ThreadPoolExecutor(2, thread_name_prefix="driftline-demo") as pool:
        jobs = [pool.submit(app.daemon.run), pool.submit(producer.run)]
        for job in jobs:
            job.add_done_callback(lambda _: ended.set())
        try:
            yield ended
        finally:
            producer.stop()
            app.daemon.stop()
    for job in jobs:
        job.result()


def _watch(
    app: App,
    producer: Producer,
    journal: Journal,
    console: Console,
    duration_s: float | None,
    ended: threading.Event,
) -> None:
    """Show what happens until it is over: a live table on a terminal, lines elsewhere."""

    def over() -> bool:
        resolved = journal.resolved > 0 and (journal.firing == 0 or producer.elapsed_s > producer.story.cycle_s)
        return ended.wait(_LOOK_S) or producer.story.over(producer.elapsed_s, duration_s, resolved=resolved)

    if not console.is_terminal or console.is_dumb_terminal:
        while not over():
            for event in journal.see(producer.elapsed_s, app.view.latest, faulty=producer.faulty):
                console.print(event.line, soft_wrap=True, highlight=False)
        return
    assert app.plan.baseline is not None
    views = {view.field: view for view in field_views(app.plan, app.plan.baseline.profile) if not view.segment}
    usual = {path: views[path] for path in app.plan.fields}
    with Live(console=console, refresh_per_second=4) as live:
        while not over():
            snapshot, elapsed_s = app.view.latest, producer.elapsed_s
            journal.see(elapsed_s, snapshot, faulty=producer.faulty)
            told = producer.story.told(elapsed_s, journal.firing, duration_s)
            live.update(render(snapshot, usual, journal, told, head(snapshot, app.http.url), console.height))
