"""A whole backtest: one configuration over its input or its store, and others judged on the same panes beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from monitor.alerting.silence import Silence
from monitor.backtesting.history import History
from monitor.backtesting.opening import EVERYTHING, Input, Stretch
from monitor.backtesting.paging import Pager
from monitor.backtesting.rejudging import Rejudge, stored_history
from monitor.backtesting.running import Heard, compiled, judged, replayed
from monitor.backtesting.sweeping import follower_plan
from monitor.checkpoint import StoredWindow
from monitor.compile import build_decoder
from monitor.config.tree import Config
from monitor.engine import Engine
from monitor.plan import MonitorPlan
from monitor.protocols import State
from monitor.replay import totals


@dataclass(frozen=True)
class Asked:
    """What counts, who has silenced what, and the configurations to be judged on the same panes."""

    stretch: Stretch = EVERYTHING
    silences: Sequence[Silence] = ()
    variants: Sequence[Config] = ()


def over_input(config: Config, source: Input, asked: Asked) -> list[History]:
    """Return what the configuration would have brought, then each of the variants; the source is closed.

    Raises ConfigError, SurroundingsError or Retryable, and UnfitSweep where a variant accumulates something else.
    """
    try:
        plan = compiled(config, source)
        replay = replayed(config, plan, source)
        return _run(config, plan, replay.engine, judged(replay.results()), asked)
    finally:
        source.close()


def over_store(
    config: Config, windows: Iterable[StoredWindow], asked: Asked, observed: State | None = None
) -> tuple[list[History], int]:
    """Return the same of stored windows, and how many were passed over since they have another length.

    `observed` are the values by which segments are called that nobody has listed.
    """
    plan = compiled(config, None)
    rejudge = Rejudge(plan, build_decoder(config, files=True))
    rejudge.engine.plan.segmenter.load(observed or {})
    found = _run(config, plan, rejudge.engine, stored_history(rejudge, windows), asked)
    for history in found:
        history.unjudged |= rejudge.lacking
    return found, rejudge.passed_over


def _run(config: Config, plan: MonitorPlan, engine: Engine, heard: Iterator[Heard], asked: Asked) -> list[History]:
    with ExitStack() as stack:

        def history(of: Config, by: MonitorPlan) -> History:
            return History(by, stack.enter_context(Pager(of, asked.silences)), asked.stretch)

        own = history(config, plan)
        plans = [follower_plan(plan, variant) for variant in asked.variants]
        followers = [
            (Rejudge(other, engine.decoder), history(variant, other))
            for variant, other in zip(asked.variants, plans, strict=True)
        ]
        for each in heard:
            if asked.stretch.over(each.window.start_ms):
                break
            own.hear(each)
            chances = engine.memory.chances()
            for rejudge, theirs in followers:
                rejudge.engine.plan.segmenter.load(engine.plan.segmenter.state())
                for again in rejudge.hear(each.window, chances):
                    theirs.hear(again)
        own.finish(engine.budget.view, totals(engine))
        for rejudge, theirs in followers:
            theirs.finish(rejudge.engine.budget.view)
        return [own, *(theirs for _, theirs in followers)]
