"""A configuration run over history: judged windows, each with the alerts that began or ended by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.backtesting.opening import Input
from monitor.compile import build_decoder, compile_plan, learns_ruler, load_baseline
from monitor.config.tree import Config
from monitor.learning import RulerLearner
from monitor.plan import MonitorPlan
from monitor.replay import Replay
from monitor.results import StepResult, WindowResult
from monitor.types import Alert


@dataclass(frozen=True)
class Heard:
    """A judged window (or run of empty ones) and its transitions, each with the end of the window that brought it."""

    window: WindowResult
    alerts: tuple[tuple[int, Alert], ...] = ()


def compiled(config: Config, source: Input | None) -> MonitorPlan:
    """Return the plan of a bounded run; where the baseline has no version yet, its cuts are learnt from `source`.

    Nothing is saved: what a run says follows from its input. Raises ConfigError or SurroundingsError.
    """
    if source is None or not learns_ruler(config):
        return compile_plan(config, load_baseline(config), bounded=True)
    learning = source.opened()
    try:
        baseline, _ = RulerLearner(config, learning).learn(source.name, 0)
    finally:
        learning.close()
    return compile_plan(config, baseline, bounded=True)


def replayed(config: Config, plan: MonitorPlan, source: Input) -> Replay:
    """Return the run of a plan over an input, not begun; its engine is a new one."""
    decoder = build_decoder(config, files=source.files)
    replay = Replay(plan, decoder, source, source.ended, source.start)
    source.follow(replay.engine)
    return replay


def judged(results: Iterable[StepResult]) -> Iterator[Heard]:
    """Yield every window that the steps judged, in order, with what it brought about; valid until the next one."""
    for result in results:
        timed = list(zip(result.alerted_ms, result.alerts, strict=True))
        at = 0
        for window in result.windows:
            first = at
            while at < len(timed) and timed[at][0] <= window.end_ms:
                at += 1
            yield Heard(window, tuple(timed[first:at]))
