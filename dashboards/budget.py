"""The part of the fleet dashboard about budgets of false pages: what is promised, what was spent, who watches."""

from __future__ import annotations

from dashboards.frame import Section
from dashboards.panels import graph, listing, rounded
from dashboards.queries import FLEET, over_time, rows


def budget() -> Section:
    """Return the section of monitors with the policy budget; empty where none has it."""
    spent = graph(
        "Pages by evidence, and false pages promised",
        "Pages within the last period, right or wrong, beside what is promised at most without any change.",
        "short",
        over_time(f"max by (monitor) (driftline_budget_spent{{{FLEET}}})", "{{monitor}} spent"),
        over_time(f"max by (monitor) (driftline_budget_promised{{{FLEET}}})", "{{monitor}} promised"),
    ).min(0)
    length = graph(
        "Time between false pages, at least",
        "What the promise makes of it; it rises above what was configured where an audit raised the threshold.",
        "s",
        over_time(f"max by (monitor) (driftline_budget_run_length_seconds{{{FLEET}}})", "{{monitor}}"),
        over_time(
            f"max by (monitor) (driftline_budget_period_seconds{{{FLEET}}})"
            f" / max by (monitor) (driftline_budget_promised{{{FLEET}}})",
            "{{monitor}} configured",
        ),
    ).min(0)
    audit = graph(
        "Audit",
        "False alarms over those promised, in the streams' calm history drawn anew; above 1 the threshold is raised.",
        "none",
        over_time(f"max by (monitor) (driftline_budget_audit_ratio{{{FLEET}}})", "{{monitor}}"),
    ).min(0)
    watching = graph(
        "Streams that watch, and that do not yet",
        "Armed streams can page; the others are still calibrating, too autocorrelated, or over max_streams.",
        "short",
        over_time(f"max by (monitor) (driftline_budget_streams_armed{{{FLEET}}})", "{{monitor}} armed"),
        over_time(
            f"max by (monitor, reason) (driftline_budget_streams_not_armed{{{FLEET}}}) > 0", "{{monitor}} {{reason}}"
        ),
    ).min(0)
    by = "monitor, field, segment, detector"
    most = listing(
        "Most evidence",
        "Evidence of a change over what a page takes: from 1 on there was a page, and it holds until recovery.",
        "none",
        {
            "monitor": "Monitor",
            "field": "Field",
            "segment": "Segment",
            "detector": "Detector",
            "Value #A": "Evidence",
        },
        rows(f"topk(20, max by ({by}) (driftline_budget_evidence_ratio{{{FLEET}}}) > 0.001)"),
        order="-Evidence",
    )
    return "Budget of false pages", [(8, [spent, length]), (8, [audit, watching, rounded(most, "Evidence", 3)])]
