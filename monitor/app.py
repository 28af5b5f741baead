"""The composition root: builds every concrete part of the daemon and runs it with signals and drain."""

from __future__ import annotations

import gc
import random
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType

import structlog
from starlette.types import ASGIApp

from monitor import __version__
from monitor.baseline import Baseline
from monitor.building import apart
from monitor.clock import Clock, SystemClock
from monitor.compile import build_decoder, compile_plan, learns_ruler, load_baseline
from monitor.config.tree import Config
from monitor.daemon import Daemon, Options
from monitor.dispatcher import Dispatcher, Outlet
from monitor.engine import Engine
from monitor.export.exposition import Exposition
from monitor.gating import Gatekeeper, Silencer, build_gate
from monitor.in_force import LoadView
from monitor.incidents import Grouped
from monitor.learning import RulerLearner, saved_ruler, source_name
from monitor.meters import Meters
from monitor.outlets import route_of
from monitor.plan import MonitorPlan
from monitor.sink_building import build_sink, grouped
from monitor.snapshot import Snapshot
from monitor.sources import KafkaSpec, PartitionedSource
from monitor.sources.dead_letter import DeadLetterProducer
from monitor.store.incidents import IncidentTable
from monitor.store.outbox import Outbox
from monitor.store.silences import Silences
from monitor.store.sqlite import Store
from monitor.web.app import create_app
from monitor.web.server import HttpServer

_CLOSE_S = 10.0
_GC_THRESHOLDS = (100_000, 50, 100)


@dataclass(frozen=True)
class RunSettings:
    """What the command line adds to the configuration."""

    until_end: bool = False
    dry_run: bool = False
    max_records: int | None = None


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
    config: Config, settings: RunSettings, *, clock: Clock | None = None, source: PartitionedSource | None = None
) -> Iterator[App]:
    """Build the app, serve HTTP and dispatch notifications; at the end close everything in order.

    Raises ConfigError, SurroundingsError or StoreError before anything is read.
    """
    clock = clock or SystemClock()
    bounded, learning = not isinstance(config.source, KafkaSpec), learns_ruler(config)
    plan = None if learning else compile_plan(config, load_baseline(config), bounded=bounded)
    with ExitStack() as stack:
        store = Store(_store_directory(config, settings, stack))
        stack.callback(store.close)
        meters = Meters(clock.monotonic_s)
        now_ms = clock.now_ms()
        loaded = LoadView(successful=True, at_ms=now_ms, success_at_ms=now_ms)
        view = View(config.name, config.digest, loaded)
        specs = () if settings.dry_run else config.sinks
        sinks = [
            grouped(build_sink(spec, config.source, clock), spec, partial(IncidentTable, store.path, spec.name))
            for spec in specs
        ]
        routes = tuple(route_of(spec) for spec in specs)
        outlets = [Outlet(sink, route) for sink, route in zip(sinks, routes, strict=True)]
        silences = Silences(store.path, limit=config.limits.max_silences)
        keeper = Gatekeeper(build_gate(config), silences)
        dispatcher = Dispatcher(Outbox(store.path), outlets, clock, random.Random(), keeper)  # noqa: S311 - jitter
        stack.callback(dispatcher.close, _CLOSE_S)
        heart: list[Daemon] = []
        http = HttpServer(_http_app(config, view, heart, Silencer(silences, clock, dispatcher.wake)), config.http)
        http.start()
        stack.callback(http.stop)
        if plan is None:
            plan = compile_plan(config, _learnt(config, settings, clock, view), bounded=bounded)
        # Connecting may take a while; until then /livez and /readyz already answer.
        source = source or config.source.build(clock)
        stack.callback(source.close)
        decoder = build_decoder(config, files=not isinstance(config.source, KafkaSpec))
        dead_letters = None
        if config.dead_letter is not None and isinstance(config.source, KafkaSpec) and not settings.dry_run:
            dead_letters = DeadLetterProducer(config.dead_letter, config.source, clock)
            # What is not acknowledged by now is not checkpointed either, and so will be read again.
            stack.callback(dead_letters.close, 0.0)
        daemon = Daemon(
            Engine(plan, decoder, meters.stage),
            source,
            store,
            clock,
            meters,
            view.publish,
            dispatcher=dispatcher,
            dead_letters=dead_letters,
            routes=routes,
            grouped=[sink for sink in sinks if isinstance(sink, Grouped)],
            options=_options(config, settings),
            last_load=lambda: loaded,
        )
        heart.append(daemon)
        dispatcher.hold()
        dispatcher.start()
        yield App(config, plan, daemon, view, http, dispatcher)


def _learnt(config: Config, settings: RunSettings, clock: Clock, view: View) -> Baseline:
    """Return the ruler learnt from the source, saved for the next start; /readyz says how far that is.

    Raises SurroundingsError when told to stop meanwhile: there is nothing to drain yet.
    """
    stopping = threading.Event()
    latest = view.latest

    def tell(rows: int, wanted: int) -> None:
        view.publish(replace(latest, ready_reason=f"learning the ruler: {rows} of {wanted} rows"))

    source = apart(config, clock)
    try:
        with _signals(stopping.set):
            learner = RulerLearner(config, source, tell, stopping.is_set, stopping.wait)
            baseline, lineage = learner.learn(source_name(config), clock.now_ms())
    finally:
        source.close()
    if not settings.dry_run:
        saved_ruler(config, baseline, lineage)
    return baseline


def run(config: Config, settings: RunSettings) -> App:
    """Run the daemon until a signal or its end; returns the app, stopped, for its totals."""
    log = structlog.get_logger(__name__)
    # Clients make hundreds of thousands of short-lived objects that are no garbage cycles; looking for cycles
    # after every 700 of them took a quarter (kafka-python) to a half (librdkafka) of the reading time.
    gc.set_threshold(*_GC_THRESHOLDS)
    with running(config, settings) as app, _signals(app.daemon.stop):
        log.info("monitor_started", monitor=config.name, url=app.http.url, config_hash=app.plan.config_hash)
        app.daemon.run()
        log.info("monitor_stopped", monitor=config.name)
        return app


def _options(config: Config, settings: RunSettings) -> Options:
    return Options(
        checkpoint_interval_ms=config.store.checkpoint_interval,
        history_ms=config.store.history,
        max_history_bytes=config.store.max_history_bytes,
        until_end=settings.until_end or not isinstance(config.source, KafkaSpec),
        max_records=settings.max_records,
        commit=not settings.dry_run,
        owns_all=not (isinstance(config.source, KafkaSpec) and config.source.assignment == "group"),
    )


def _store_directory(config: Config, settings: RunSettings, stack: ExitStack) -> Path:
    """Return where the store is: the configured directory, for a dry run one that is thrown away."""
    if not settings.dry_run:
        return Path(config.store.path)
    directory = tempfile.mkdtemp(prefix="driftline-dry-run-")
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory)


def _http_app(config: Config, view: View, heart: list[Daemon], silencer: Silencer) -> ASGIApp:
    """Return the HTTP app; alive until the data thread, once it runs, has stood still too long."""
    metrics = Exposition(max_series=config.limits.max_series)
    return create_app(
        lambda: view.latest,
        alive=lambda: not heart or heart[0].alive(),
        metrics=metrics,
        spec=config.http,
        silencer=silencer,
    )


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Drain on SIGTERM and SIGINT; a second one ends the process at once, as the checkpoint allows."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    log = structlog.get_logger(__name__)

    def drain(number: int, _frame: FrameType | None) -> None:
        log.info("signal_received", signal=signal.Signals(number).name)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        stop()

    def refuse(_number: int, _frame: FrameType | None) -> None:
        log.warning("reload_unavailable", remedy="restart the daemon; the checkpoint makes that cheap")

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGTERM, drain)
    signal.signal(signal.SIGINT, drain)
    signal.signal(signal.SIGHUP, refuse)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
