"""The part of the fleet dashboard about the self-test: whether the monitors would still notice."""

from __future__ import annotations

from dashboards.frame import Section
from dashboards.panels import graph, listing, rounded
from dashboards.queries import FLEET, over_time, rows


def selftest() -> Section:
    """Return the section of the continuous self-test; empty where it is off."""
    noticed = graph(
        "Gross faults that would be noticed",
        "Share of the fields watched for a fault in which doped copies of closed windows would be at warning.",
        "percentunit",
        over_time(f"max by (monitor, fault) (driftline_selftest_detected_ratio{{{FLEET}}})", "{{monitor}} {{fault}}"),
    ).min(0)
    by = "monitor, fault, field"
    worst = listing(
        "Where the most severe faults go unseen",
        "The least severity that would be noticed: a share of the rows, of mean_shift standard deviations.",
        "none",
        {"monitor": "Monitor", "fault": "Fault", "field": "Field", "Value #A": "Noticed from"},
        rows(f"topk(20, max by ({by}) (driftline_selftest_smallest_severity{{{FLEET}}}))"),
        order="-Noticed from",
    )
    return "Self-test", [(8, [noticed, rounded(worst, "Noticed from", 2)])]
