"""Loads the configuration again while the daemon runs: all that can fail is done here, off the data thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import structlog

from monitor.clock import Clock
from monitor.compile import compile_plan, learns_ruler, load_baseline
from monitor.config.differences import differences, masked_tree_of, restart_problems, tree_of
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.daemon import Daemon
from monitor.dispatcher import Dispatcher
from monitor.engine import Engine
from monitor.epochs import Change
from monitor.errors import ConfigError, Problem, Retryable, StoreError, SurroundingsError
from monitor.in_force import Loaded, LoadView, Outcome
from monitor.meters import Meters
from monitor.parts import Parts, RunSettings, build_parts, build_served, content_of
from monitor.plan import MonitorPlan
from monitor.sources import KafkaSpec
from monitor.succession import Successor

PATIENCE_S: Final = 30.0
"""A reload takes effect within this time or not at all: the state must be durable, and the data thread get to it."""
_STOP_S: Final = 1.0


class Reloads:
    """Who asks for a reload, and what became of the last one.

    Those who ask while one runs get the next one, all together.
    """

    def __init__(self, now_ms: int) -> None:
        """Begin with the load at the start, which was a success."""
        self.last = LoadView(successful=True, at_ms=now_ms, success_at_ms=now_ms)
        """Written by the thread that reloads, read by others."""
        self._line: SimpleQueue[Future[Loaded] | None] = SimpleQueue()

    def ask(self) -> Future[Loaded]:
        """Ask for a reload and return at once; from any thread, and from a signal handler."""
        asked: Future[Loaded] = Future()
        self._line.put(asked)
        return asked

    def end(self) -> None:
        """Let nobody wait any longer: whoever takes the line gets to its end."""
        self._line.put(None)

    def take(self) -> tuple[list[Future[Loaded]], bool]:
        """Wait for somebody to ask; return all who have, and whether the line has ended."""
        line = [self._line.get()]
        with suppress(Empty):
            while True:
                line.append(self._line.get_nowait())
        return [asked for asked in line if asked is not None], None in line

    def tell(self, loaded: Loaded, now_ms: int) -> None:
        """Keep what became of a reload."""
        success_at_ms = now_ms if loaded.successful else self.last.success_at_ms
        said = tuple(problem.located(loaded.file) for problem in loaded.problems)
        self.last = LoadView(loaded.successful, now_ms, success_at_ms, said)


@dataclass(frozen=True)
class Surroundings:
    """What stays for the life of the process; `others` builds all else of a configuration, such as the HTTP pages.

    It returns what puts that in force, which cannot fail. `store` is the file of the store.
    """

    store: Path
    clock: Clock
    meters: Meters
    daemon: Daemon
    dispatcher: Dispatcher
    others: Callable[[Config], Callable[[], None]]


class Reloader:
    """One thread that reloads, one after the other. What fails leaves everything as it is."""

    def __init__(self, reloads: Reloads, parts: Parts, settings: RunSettings, around: Surroundings) -> None:
        """Know what is in force; `start` begins to serve who asks."""
        self.parts = parts
        self._reloads = reloads
        self._settings = settings
        self._around = around
        self._log = structlog.get_logger(__name__)
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse whoever waits, and end; the daemon drains already, so nothing takes long."""
        self._reloads.end()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        """Serve who asks, all of them by one reload; the thread's body."""
        over = False
        while not over:
            asked, over = self._reloads.take()
            if not asked:
                continue
            loaded = self._attempt()
            self._reloads.tell(loaded, self._around.clock.now_ms())
            for each in asked:
                each.set_result(loaded)

    def _attempt(self) -> Loaded:
        """Return what became of a reload, and log it."""
        file = None if self._settings.config_file is None else str(self._settings.config_file)
        began_s = self._around.clock.monotonic_s()
        try:
            loaded = self._loaded()
        except ConfigError as error:
            loaded = self._failed("refused", tuple(error.problems), error.file or file)
        except (Retryable, StoreError, SurroundingsError) as error:
            problem = Problem("reload", str(error), remedy="try again, or restart the daemon")
            loaded = self._failed("unavailable", (problem,), None)
        except Exception:  # noqa: BLE001 - the supervisor of this thread, without which nobody could reload any more
            self._log.exception("reload_broken")
            loaded = self._failed("unavailable", (Problem("reload", "internal error; see the daemon's log"),), None)
        took_s = round(self._around.clock.monotonic_s() - began_s, 3)
        if loaded.successful:
            self._log.info(
                "configuration_" + loaded.outcome, hash=loaded.config_hash, changes=loaded.changes, took_s=took_s
            )
        else:
            said = [problem.located(loaded.file) for problem in loaded.problems]
            self._log.error("reload_failed", outcome=loaded.outcome, problems=said)
        return loaded

    def _failed(self, outcome: Outcome, problems: tuple[Problem, ...], file: str | None) -> Loaded:
        return replace(self._in_force(outcome), problems=problems, file=file)

    def _in_force(self, outcome: Outcome, changes: tuple[str, ...] = ()) -> Loaded:
        plan = self.parts.plan
        return Loaded(outcome, plan.config_hash, plan.baseline_version, changes)

    def _loaded(self) -> Loaded:
        """Load, validate, build, and have the data thread exchange; raises where any of that is not to be."""
        before = self.parts
        config = self._valid()
        plan = compile_plan(config, load_baseline(config), bounded=not isinstance(config.source, KafkaSpec))
        if _is_same(before, config, plan):
            return self._in_force("unchanged")
        served = build_served(config, self._settings, self._around.clock, self._around.store, before.served)
        parts = build_parts(config, plan, served, self._settings, self._around.clock, before)
        try:
            changes = self._exchanged(parts)
        except BaseException:
            parts.discard(before)
            raise
        self.parts = parts
        before.discard_letters(parts)
        return self._in_force("reloaded", changes)

    def _valid(self) -> Config:
        """Return the configuration as its file has it now, if a running daemon can take it; raises ConfigError."""
        file = self._settings.config_file
        if file is None:
            raise SurroundingsError("the daemon was not started from a file")
        config = load(file)
        problems = restart_problems(self.parts.config, config)
        if learns_ruler(config):
            message = "there is no version yet, and learning one takes as long as its rows"
            remedy = "restart the daemon, or build one with `driftline baseline build`"
            problems.append(Problem("baseline.path", message, remedy=remedy))
        if problems:
            raise ConfigError(problems, file=str(file))
        return config

    def _exchanged(self, parts: Parts) -> tuple[str, ...]:
        """Have the data thread go on by these parts; return what changed. Raises Retryable where it does not."""
        around = self._around
        changes = differences(tree_of(self.parts.config), tree_of(parts.config))
        # Digests of every Spec: worked out here, so that the data thread need not.
        _ = parts.plan.profile.keys, parts.plan.profile.check_keys
        others = around.others(parts.config)

        def follow() -> None:
            around.dispatcher.exchange(parts.outlets)
            others()

        successor = Successor(
            Engine(parts.plan, parts.decoder, around.meters.stage),
            described(parts.config, changes, "reload"),
            parts.options,
            parts.routes,
            parts.dead_letters,
            parts.grouped,
            follow,
        )
        around.daemon.succession.add(successor)
        try:
            epoch = successor.result.result(PATIENCE_S)
        except TimeoutError:
            if successor.claim():
                message = f"the state could not be made durable within {PATIENCE_S:.0f} s, or the data thread is busy"
                raise Retryable(message) from None
            epoch = successor.result.result()
        return epoch.changes


def described(config: Config, changes: tuple[str, ...] | None = None, occasion: str = "restart") -> Change:
    """Return a configuration as the store keeps it; `changes` None: it is compared with the stored one."""
    return Change(json.dumps(masked_tree_of(config), sort_keys=True), changes, occasion)


def _is_same(before: Parts, config: Config, plan: MonitorPlan) -> bool:
    """Return whether nothing would be another: settings, baseline, and the files that are read for them."""
    old = before.plan.profile
    return (
        config == before.config
        and plan.baseline_version == before.plan.baseline_version
        and plan.profile.check_keys == old.check_keys
        and content_of(config) == before.content
    )
