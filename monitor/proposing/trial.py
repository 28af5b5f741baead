"""Runs a configuration over the sample that it was made from, with the engine that will run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from monitor.building import Built, build_baseline
from monitor.compile import compile_plan
from monitor.config.tree import Config
from monitor.engine import Engine
from monitor.partition import PartitionState
from monitor.proposing.gathering import Gathered
from monitor.results import StepResult
from monitor.sources.memory import MemorySource
from monitor.types import Level


@dataclass
class Seen:
    """The verdicts of one detector on one field: windows judged, and the largest lower bounds.

    An alert needs two windows in a row, so what counts is `lasting`: the largest that two successive ones share.
    """

    windows: int = 0
    highest: float = 0.0
    lasting: float = 0.0
    _last: float = 0.0

    def add(self, bound: float) -> None:
        """Take the lower bound of the next window."""
        self.windows += 1
        self.highest = max(self.highest, bound)
        self.lasting = max(self.lasting, min(bound, self._last))
        self._last = bound


@dataclass
class Trial:
    """What the sample says of a configuration."""

    built: Built
    windows: int = 0
    scores: dict[tuple[str, str], Seen] = field(default_factory=dict)
    """By field and detector."""
    failures: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By check that failed in some window: its field, and the largest share of failing rows."""
    alerts: list[str] = field(default_factory=list)
    """What would have fired, as `rule field`."""


def trial_of(config: Config, gathered: Gathered, name: str, now_ms: int, split_ms: int | None) -> Trial:
    """Build the baseline of the rows before `split_ms` (None: all), judge every window, and return both.

    Windows are judged as of independent rows. Bounds are then the shifts that the sample's windows really had, which is
    what thresholds need headroom over; with the correlation, what the sample shows already would be taken out.
    """
    log = dict(gathered.fetches)
    built = build_baseline(config, MemorySource(tuple(log), log=log), name, now_ms, to_ms=split_ms)
    plan = compile_plan(config, replace(built.baseline, correlation=None), bounded=True)
    trial = Trial(built)
    for result in _steps(Engine(plan, config.decoder.build(plan.decode)), gathered):
        _note(trial, result)
    return trial


def _steps(engine: Engine, gathered: Gathered) -> Iterator[StepResult]:
    """Yield what every step brings about: a fetch of each partition at a time, as far as none runs ahead."""
    waiting = {partition: list(reversed(fetches)) for partition, fetches in gathered.fetches.items()}
    for partition, fetches in waiting.items():
        first = int(fetches[-1].offsets[0])
        engine.assign(PartitionState(partition, first, first))
    now_ms = 0
    while ready := [p for p in sorted(waiting) if p not in engine.paused] or sorted(waiting):
        taken = [waiting[partition].pop() for partition in ready]
        waiting = {partition: fetches for partition, fetches in waiting.items() if fetches}
        now_ms = max(now_ms, *(int(fetch.timestamps_ms.max()) for fetch in taken))
        yield engine.step(taken, now_ms)
    yield engine.finish()


def _note(trial: Trial, result: StepResult) -> None:
    for window in result.windows:
        trial.windows += window.windows
        for verdict in window.verdicts:
            if verdict.level is not Level.UNKNOWN and verdict.lower_bound is not None:
                trial.scores.setdefault((verdict.field, verdict.detector), Seen()).add(verdict.lower_bound)
        for outcome in window.checks:
            if outcome.level > Level.OK:
                _, before = trial.failures.get(outcome.check, ("", 0.0))
                trial.failures[outcome.check] = outcome.field, max(before, outcome.failure_ratio or 0.0)
    for alert in result.alerts:
        if alert.status == "firing":
            trial.alerts.append(f"{alert.labels.get('rule', '')} {alert.labels.get('field', '')}".strip())
