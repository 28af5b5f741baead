"""The budget of false pages: what is promised, what was spent, who watches, and how much speaks for a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from monitor.budget_views import BudgetView
from monitor.export.declaration import Declared, Row
from monitor.snapshot import Snapshot

_SECTION: Final = "Budget of false pages"


def _of(read: Callable[[BudgetView], float | None]) -> Callable[[Snapshot], Iterable[Row]]:
    """Return a reader of one number of the budget; no row without a budget."""
    return lambda s: [] if s.budget is None else [((), read(s.budget))]


def _budget(name: str, what: str, read: Callable[[BudgetView], float | None]) -> Declared:
    return Declared(_SECTION, name, "gauge", what, (), _of(read))


BUDGET: Final = (
    _budget(
        "driftline_budget_promised", "False pages that are promised at most within the period.", lambda b: b.promised
    ),
    _budget("driftline_budget_period_seconds", "The period of the promise, in event time.", lambda b: b.per_ms / 1000),
    _budget("driftline_budget_spent", "Pages by evidence within the last period, right or wrong.", lambda b: b.spent),
    _budget(
        "driftline_budget_run_length_seconds",
        "Time between false pages that is expected at least; more than was configured where an audit raised it.",
        lambda b: b.run_length_ms / 1000,
    ),
    _budget(
        "driftline_budget_audit_ratio",
        "False alarms over those promised, in the streams' calm history drawn anew; above 1 the threshold rises.",
        lambda b: b.audit_ratio,
    ),
    _budget("driftline_budget_streams_armed", "Streams that can page.", lambda b: b.armed),
    Declared(
        _SECTION,
        "driftline_budget_streams_not_armed",
        "gauge",
        "Streams that cannot page yet, or not at all, by reason.",
        ("reason",),
        lambda s: (
            [] if s.budget is None else [((r.replace(" ", "_"),), n) for r, n in sorted(s.budget.not_armed.items())]
        ),
    ),
    Declared(
        _SECTION,
        "driftline_budget_evidence_ratio",
        "gauge",
        "Evidence of a change over what a page takes; while a page holds, that at which it began.",
        ("field", "segment", "detector"),
        lambda s: (((v.field, v.segment, v.detector), v.budget.ratio) for v in s.verdicts if v.budget is not None),
    ),
)
