"""What is made of a configuration and made anew by a reload: plan, decoder, sinks, dead letters, options."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from monitor.checkpointing import Options
from monitor.clock import Clock
from monitor.compile import build_decoder
from monitor.config.tree import Config
from monitor.errors import ConfigError, Problem
from monitor.incidents import Grouped
from monitor.outlets import Outlet, route_of
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder
from monitor.sink_building import build_sink, grouped
from monitor.sinks import SinkSpec
from monitor.sources import KafkaSpec
from monitor.sources.dead_letter import DeadLetterProducer
from monitor.store.incidents import IncidentTable
from monitor.store.outbox import SinkRoute

Served = tuple[SinkSpec, Outlet]
"""A sink's Spec and what was made of it."""


@dataclass(frozen=True)
class RunSettings:
    """What the command line adds to the configuration; without its file it cannot be loaded again."""

    until_end: bool = False
    dry_run: bool = False
    max_records: int | None = None
    config_file: Path | None = None


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything that is made of one configuration and does not stay for the life of the process.

    `content` is the digest of the files that are part of what the configuration means, such as a schema.
    """

    config: Config
    plan: MonitorPlan
    decoder: Decoder
    served: Sequence[Served]
    dead_letters: DeadLetterProducer | None
    options: Options
    content: str

    @property
    def outlets(self) -> list[Outlet]:
        """The sinks, in their order."""
        return [outlet for _, outlet in self.served]

    @property
    def grouped(self) -> tuple[Grouped, ...]:
        """The sinks that are told incidents."""
        return tuple(outlet.sink for outlet in self.outlets if isinstance(outlet.sink, Grouped))

    @property
    def routes(self) -> tuple[SinkRoute, ...]:
        """Which alerts each sink is told."""
        return tuple(outlet.route for outlet in self.outlets)

    def discard(self, other: Parts) -> None:
        """Close what these parts do not share with others that are in force; the sinks only of those never served."""
        kept = {id(outlet) for outlet in other.outlets}
        for outlet in self.outlets:
            if id(outlet) not in kept:
                outlet.sink.close()
        self.discard_letters(other)

    def discard_letters(self, other: Parts) -> None:
        """Close the producer of dead letters, unless others that are in force have it too."""
        if self.dead_letters is not None and self.dead_letters is not other.dead_letters:
            self.dead_letters.close(0.0)


def build_served(
    config: Config, settings: RunSettings, clock: Clock, store: Path, before: Sequence[Served] = ()
) -> tuple[Served, ...]:
    """Return the sinks, which keep incidents in the file `store`; those whose Spec is among `before` are the same.

    Raises SurroundingsError when a file that one needs cannot be used; then none is left open.
    """
    served: list[Served] = []
    built: list[Outlet] = []
    try:
        for spec in () if settings.dry_run else config.sinks:
            outlet = next((outlet for known, outlet in before if known == spec), None)
            if outlet is None:
                sink = build_sink(spec, config.source, clock)
                sink = grouped(sink, spec, partial(IncidentTable, store, spec.name))
                outlet = Outlet(sink, route_of(spec))
                built.append(outlet)
            served.append((spec, outlet))
    except BaseException:
        for outlet in built:
            outlet.sink.close()
        raise
    return tuple(served)


def build_parts(
    config: Config,
    plan: MonitorPlan,
    served: Sequence[Served],
    settings: RunSettings,
    clock: Clock,
    before: Parts | None = None,
) -> Parts:
    """Return all parts of a configuration; dead letters go on as in `before` where their section did not change.

    Raises ConfigError or SurroundingsError where one cannot be had.
    """
    content = content_of(config)
    decoder = build_decoder(config, files=not isinstance(config.source, KafkaSpec))
    if before is not None and before.config.dead_letter == config.dead_letter:
        letters = before.dead_letters
    else:
        letters = _dead_letters(config, settings, clock)
    return Parts(config, plan, decoder, served, letters, _options(config, settings), content)


def content_of(config: Config) -> str:
    """Return the digest of the schema that is in a file of its own, empty without one; raises ConfigError."""
    file: Path | None = getattr(config.decoder, "schema_file", None)
    if file is None:
        return ""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        problem = Problem("decoder.schema_file", f"the file cannot be read: {error.strerror}", value=str(file))
        raise ConfigError([problem]) from error


def _dead_letters(config: Config, settings: RunSettings, clock: Clock) -> DeadLetterProducer | None:
    if config.dead_letter is None or not isinstance(config.source, KafkaSpec) or settings.dry_run:
        return None
    return DeadLetterProducer(config.dead_letter, config.source, clock)


def _options(config: Config, settings: RunSettings) -> Options:
    return Options(
        checkpoint_interval_ms=config.store.checkpoint_interval,
        history_ms=config.store.history,
        max_history_bytes=config.store.max_history_bytes,
        until_end=settings.until_end or not isinstance(config.source, KafkaSpec),
        max_records=settings.max_records,
        commit=not settings.dry_run,
        owns_all=not (isinstance(config.source, KafkaSpec) and config.source.assignment == "group"),
        on_out_of_range=config.source.on_out_of_range if isinstance(config.source, KafkaSpec) else "earliest",
    )
