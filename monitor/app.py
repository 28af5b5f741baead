"""The composition root: builds every concrete part of the daemon and runs it with signals and drain."""

from __future__ import annotations

import gc
import random
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from starlette.types import ASGIApp

from monitor import __version__
from monitor.baseline import Baseline
from monitor.building import apart
from monitor.clock import Clock, SystemClock
from monitor.compile import compile_plan, learns_ruler, load_baseline
from monitor.config.tree import Config
from monitor.daemon import Daemon
from monitor.dispatcher import Dispatcher
from monitor.engine import Engine
from monitor.export.exposition import Exposition
from monitor.gating import Gatekeeper, Silencer, build_gate
from monitor.in_force import LoadView
from monitor.learning import RulerLearner, saved_ruler, source_name
from monitor.listening import hanging_up, starting, stopping
from monitor.meters import Meters
from monitor.native import LIBRARY
from monitor.parts import Parts, RunSettings, Served, build_parts, build_served
from monitor.plan import MonitorPlan
from monitor.reloading import Reloader, Reloads, Surroundings, described
from monitor.snapshot import Snapshot
from monitor.sources import KafkaSpec, PartitionedSource
from monitor.store.outbox import Outbox
from monitor.store.silences import Silences
from monitor.store.sqlite import Store
from monitor.web.app import Switch, create_app
from monitor.web.server import HttpServer

__all__ = ["App", "RunSettings", "View", "run", "running"]

_CLOSE_S = 10.0
_GC_THRESHOLDS = (100_000, 50, 100)
_SWITCH_S = 0.0005


class View:
    """Holds the last snapshot; written by the data thread, read by the HTTP thread, one reference at a time."""

    def __init__(self, monitor: str, config_hash: str, loaded: LoadView) -> None:
        """Begin with a snapshot that says it is starting."""
        self.latest = Snapshot(monitor, __version__, config_hash, 0, last_load=loaded)

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the snapshot."""
        self.latest = snapshot


@dataclass
class App:
    """One monitor, ready to run: `daemon.run()` in the data thread, `http.url` for people."""

    config: Config
    plan: MonitorPlan
    daemon: Daemon
    view: View
    http: HttpServer
    dispatcher: Dispatcher


@contextmanager
def running(
    config: Config,
    settings: RunSettings,
    *,
    clock: Clock | None = None,
    source: PartitionedSource | None = None,
    reloads: Reloads | None = None,
) -> Iterator[App]:
    """Build the app, serve HTTP, dispatch notifications and take reloads; at the end close everything in order.

    Raises ConfigError, SurroundingsError or StoreError before anything is read.
    """
    clock = clock or SystemClock()
    reloads = reloads or Reloads(clock.now_ms())
    bounded, learning = not isinstance(config.source, KafkaSpec), learns_ruler(config)
    plan = None if learning else compile_plan(config, load_baseline(config), bounded=bounded)
    with ExitStack() as stack:
        store = Store(_store_directory(config, settings, stack))
        stack.callback(store.close)
        meters = Meters(clock.monotonic_s)
        view = View(config.name, config.digest, reloads.last)
        served = build_served(config, settings, clock, store.path)
        silences = Silences(store.path, limit=config.limits.max_silences)
        keeper = Gatekeeper(build_gate(config), silences)
        dispatcher = _dispatcher(store, served, clock, keeper)
        stack.callback(dispatcher.close, _CLOSE_S)
        asked = reloads if settings.config_file is not None else None
        pages = _Pages(view, asked, Silencer(silences, clock, dispatcher.wake), config)
        http = HttpServer(pages.switch, config.http)
        http.start()
        stack.callback(http.stop)
        plan = plan or compile_plan(config, _learnt(config, settings, clock, view), bounded=bounded)
        # Connecting may take a while; until then /livez and /readyz already answer.
        source = source or config.source.build(clock)
        stack.callback(source.close)
        parts = build_parts(config, plan, served, settings, clock)
        daemon = Daemon(
            Engine(plan, parts.decoder, meters.stage),
            source,
            store,
            clock,
            meters,
            view.publish,
            dispatcher=dispatcher,
            dead_letters=parts.dead_letters,
            routes=parts.routes,
            options=parts.options,
            change=described(config),
            grouped=parts.grouped,
            last_load=lambda: reloads.last,
        )
        pages.daemon = daemon
        around = Surroundings(store.path, clock, meters, daemon, dispatcher, _others(keeper, silences, pages))
        reloader = Reloader(reloads, parts, settings, around)
        # What is not acknowledged by now is not checkpointed either, and so will be read again.
        stack.callback(lambda: _close_letters(reloader.parts))
        dispatcher.hold()
        dispatcher.start()
        reloader.start()
        stack.callback(reloader.stop)
        yield App(config, plan, daemon, view, http, dispatcher)


def _dispatcher(store: Store, served: Sequence[Served], clock: Clock, keeper: Gatekeeper) -> Dispatcher:
    outlets = [outlet for _, outlet in served]
    return Dispatcher(Outbox(store.path), outlets, clock, random.Random(), keeper)  # noqa: S311 - jitter


def _others(keeper: Gatekeeper, silences: Silences, pages: _Pages) -> Callable[[Config], Callable[[], None]]:
    """Return what builds everything of another configuration that is neither the daemon's nor the dispatcher's."""

    def build(config: Config) -> Callable[[], None]:
        gate, show = build_gate(config), pages.prepared(config)

        def follow() -> None:
            keeper.follow(gate)
            silences.allow(config.limits.max_silences)
            show()

        return follow

    return build


def _close_letters(parts: Parts) -> None:
    if parts.dead_letters is not None:
        parts.dead_letters.close(0.0)


class _Pages:
    """The HTTP pages of a configuration, behind a switch; alive until the data thread has stood still too long."""

    def __init__(self, view: View, reloads: Reloads | None, silencer: Silencer, config: Config) -> None:
        """Show `view`; without `reloads` nobody can ask for one."""
        self._view = view
        self._silencer = silencer
        self._reloads = reloads
        self._metrics = Exposition(max_series=config.limits.max_series)
        self.daemon: Daemon | None = None
        """Whose data thread has to make progress; until there is one, nobody can say that it does not."""
        self.switch = Switch(self._app(config))

    def prepared(self, config: Config) -> Callable[[], None]:
        """Build the pages of another configuration; return what puts them in the place of these."""
        app = self._app(config)

        def show() -> None:
            self._metrics.limit(config.limits.max_series)
            self.switch.app = app

        return show

    def _alive(self) -> bool:
        return self.daemon is None or self.daemon.alive()

    def _app(self, config: Config) -> ASGIApp:
        return create_app(
            lambda: self._view.latest,
            alive=self._alive,
            metrics=self._metrics,
            spec=config.http,
            silencer=self._silencer,
            reload=self._reloads.ask if self._reloads is not None else None,
        )


def _learnt(config: Config, settings: RunSettings, clock: Clock, view: View) -> Baseline:
    """Return the ruler learnt from the source, saved for the next start; /readyz says how far that is.

    Raises SurroundingsError when told to stop meanwhile: there is nothing to drain yet.
    """
    told = threading.Event()
    latest = view.latest

    def tell(rows: int, wanted: int) -> None:
        view.publish(replace(latest, ready_reason=f"learning the ruler: {rows} of {wanted} rows"))

    source = apart(config, clock)
    try:
        with stopping(told.set):
            learner = RulerLearner(config, source, tell, told.is_set, told.wait)
            baseline, lineage = learner.learn(source_name(config), clock.now_ms())
    finally:
        source.close()
    if not settings.dry_run:
        saved_ruler(config, baseline, lineage)
    return baseline


def run(config: Config, settings: RunSettings) -> App:
    """Run the daemon until a signal or its end; returns the app, stopped, for its totals."""
    log = structlog.get_logger(__name__)
    clock = SystemClock()
    # Who asks for a reload while we start is served once we run.
    reloads = Reloads(clock.now_ms())
    tune_interpreter()
    with ExitStack() as stack:
        stack.enter_context(hanging_up(reloads.ask))
        with starting():
            app = stack.enter_context(running(config, settings, clock=clock, reloads=reloads))
        stack.enter_context(stopping(app.daemon.stop))
        log.info(
            "monitor_started",
            monitor=config.name,
            url=app.http.url,
            config_hash=app.plan.config_hash,
            json_reader="native" if LIBRARY is not None else "duckdb",
        )
        app.daemon.run()
        log.info("monitor_stopped", monitor=config.name)
        return app


def tune_interpreter() -> None:
    """Set what holds for the whole process: how often garbage is looked for and how long a thread keeps the lock."""
    # Clients make hundreds of thousands of short-lived objects that are no garbage cycles; looking for cycles
    # after every 700 of them took a quarter (kafka-python) to a half (librdkafka) of the reading time.
    gc.set_threshold(*_GC_THRESHOLDS)
    # While a scrape is rendered, the data thread waits this long for the interpreter's lock each time it has let go
    # of it, which it does dozens of times in a step. Python's own 5 ms made steps of 5 ms last for 100.
    sys.setswitchinterval(_SWITCH_S)


def _store_directory(config: Config, settings: RunSettings, stack: ExitStack) -> Path:
    """Return where the store is: the configured directory, for a dry run one that is thrown away."""
    if not settings.dry_run:
        return Path(config.store.path)
    directory = tempfile.mkdtemp(prefix="driftline-dry-run-")
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory)
