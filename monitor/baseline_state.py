"""What the baseline is just now, as the snapshot shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from monitor.baseline import BaselineKeeper
from monitor.checkpoint import StoredEvent
from monitor.plan import MonitorPlan
from monitor.snapshot import BaselineEventView, BaselineStateView


def baseline_state(plan: MonitorPlan, keeper: BaselineKeeper | None, end_ms: int) -> BaselineStateView | None:
    """Return kind and version, and of how many windows the reference of each field is; None without a baseline.

    `end_ms` is where the last judged window ended.
    """
    if plan.baseline is None or keeper is None:
        return None
    kind = plan.keeping.kind if plan.keeping is not None else "file"
    view = keeper.view(end_ms, end_ms + plan.grid.size_ms)
    return BaselineStateView(kind, plan.baseline.version, dict(view.windows), view.suspect)


def with_events(state: BaselineStateView | None, events: Sequence[StoredEvent]) -> BaselineStateView | None:
    """Return the state with the stored events that are of the baseline."""
    if state is None:
        return None
    lines = [json.loads(event.line) for event in events]
    found = (
        BaselineEventView(line["at_ms"], line["version"], line["previous"], line["reason"], line.get("field", ""))
        for line in lines
        if line["kind"] == "baseline"
    )
    return replace(state, events=tuple(found))
