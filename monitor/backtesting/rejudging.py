"""Windows judged anew from what was accumulated of them: other thresholds and policies without reading a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from monitor.backtesting.running import Heard, judged
from monitor.checkpoint import StoredWindow
from monitor.checks import PAIRING
from monitor.codec import decode
from monitor.engine import Engine
from monitor.judge import judge, judge_gap
from monitor.outcomes import EPOCH_CHANGE, PARTIAL
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder
from monitor.results import StepResult, WindowResult


class Rejudge:
    """The engine from the judging on, for windows that were accumulated by another one or are stored.

    Everything that follows from the windows one after the other is its own: baselines that move, sequential detectors,
    the budget's evidence, causes, alerts. What remembers rows is not in a pane: the outcomes of `align` and `agreement`
    and the model's metrics are taken over as they were judged, and there are none where they were not.
    """

    def __init__(self, plan: MonitorPlan, decoder: Decoder) -> None:
        """Begin with nothing judged; `decoder` is never used."""
        others = tuple(check for check in plan.window_checks if not isinstance(check, PAIRING))
        self._taken_over = {check.spec.name for check in plan.window_checks if isinstance(check, PAIRING)}
        self.engine = Engine(replace(plan, window_checks=others), decoder)
        self.passed_over = 0
        """Stored windows of another length than is configured, of which nothing can be said."""

    @property
    def lacking(self) -> set[tuple[str, str]]:
        """What stored windows can never be judged by, as (rule, field)."""
        model = self.engine.plan.model
        found = set() if model is None else {(rule, model.fields.name) for rule in model.rules}
        return found | {(name, "") for name in self._taken_over}

    def hear(self, window: WindowResult, chances: Sequence[float] = (), unknown: str = "") -> list[Heard]:
        """Judge the next window by its profile, which is only read; a run of empty ones may be returned in parts.

        `chances`: how likely a sound row fails each row check. `unknown`: why nothing can be said of the window.
        """
        closer, plan = self.engine.closer, self.engine.plan
        unknown = PARTIAL if window.partial else unknown
        if window.profile is None:
            found = judge_gap(plan, window.start_ms, window.end_ms, window.windows, unknown=unknown)
        else:
            baseline = closer.keeper.view(window.start_ms, window.end_ms) if closer.keeper is not None else None
            found = judge(
                plan,
                window.start_ms,
                window.end_ms,
                window.profile,
                unknown=unknown,
                baseline=baseline,
                memory=closer.memory,
                chances=chances,
            )
        taken_over = tuple(outcome for outcome in window.checks if outcome.check in self._taken_over)
        found = replace(found, models=window.models, checks=(*found.checks, *taken_over))
        if closer.keeper is not None and not unknown:
            found = replace(found, baseline_changes=tuple(closer.keeper.hear(found)))
        if unknown == EPOCH_CHANGE:
            closer.epoch_ms = max(closer.epoch_ms, window.start_ms + 1)
        result = StepResult()
        self.engine.take(result, [found])
        return list(judged([result]))


def stored_history(rejudge: Rejudge, windows: Iterable[StoredWindow]) -> Iterator[Heard]:
    """Yield stored windows, judged anew, oldest first; those of which nothing was known then are unknown again.

    What a window's profile does not hold (another field, other cells, another rule) is unknown as well. Raises
    StoreError on damage.
    """
    size_ms, stride_ms = rejudge.engine.plan.grid.size_ms, rejudge.engine.plan.grid.pane_ms
    for stored in windows:
        if stored.end_ms - stored.start_ms != size_ms + (stored.windows - 1) * stride_ms:
            rejudge.passed_over += stored.windows
            continue
        profile = None if stored.profile is None else rejudge.engine.plan.profile.load(decode(stored.profile))
        window = WindowResult(stored.start_ms, stored.end_ms, stored.rows, stored.windows, profile=profile)
        yield from rejudge.hear(window, unknown=_unknown(stored.lines))


def _unknown(lines: str) -> str:
    """Return why nothing was known of a window when it was judged, by its lines; empty where something was."""
    judged = [json.loads(line) for line in lines.splitlines()]
    reasons = {line["reason"] for line in judged if line["kind"] in ("verdict", "check")}
    return next((reason for reason in (PARTIAL, EPOCH_CHANGE) if reasons == {reason}), "")
