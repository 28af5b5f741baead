"""The part of the fleet dashboard that is about checks."""

from __future__ import annotations

from dashboards.frame import Section
from dashboards.panels import LEVELS, UNKNOWN, graph, listing, rounded, timeline
from dashboards.queries import FLEET, over_time, rows


def checks() -> Section:
    """Return the section of the checks of rows and windows."""
    of_all = f'{FLEET},segment=""'
    states = timeline(
        "Checks",
        "Level of every check of all rows over time; unknown while it cannot be judged.",
        LEVELS,
        over_time(
            f"max by (monitor, check) (driftline_check_level{{{of_all}}})"
            f" or max by (monitor, check) (driftline_check_unknown{{{of_all}}}) * {UNKNOWN}",
            "{{monitor}} {{check}}",
        ),
    )
    ratio = graph(
        "Share of rows that fail a check",
        "Of all rows of the last window that the check evaluated.",
        "percentunit",
        over_time(f"max by (monitor, check) (driftline_check_failure_ratio{{{of_all}}})", "{{monitor}} {{check}}"),
    ).axis_soft_max(0.01)
    failing = graph(
        "Rows that fail a check",
        "Rows a second that failed, by check.",
        "cps",
        over_time(
            f"sum by (monitor, check) (rate(driftline_check_failures_total{{{of_all}}}[$__rate_interval]))",
            "{{monitor}} {{check}}",
        ),
    )
    measured = graph(
        "What checks of windows measured",
        "Rows, a share or a number of values, as the check's kind says; so the axis has no unit.",
        "none",
        over_time(f"max by (monitor, check) (driftline_check_value{{{of_all}}})", "{{monitor}} {{check}}"),
    ).min(0)
    return "Checks", [
        (8, [states, ratio]),
        (8, [failing, measured, _by_segment()]),
        (8, _agreement()),
        (8, _balance()),
        (6, [_memory()]),
    ]


def _memory() -> object:
    """Return the panel of what checks with memory had to forget."""
    return graph(
        "Rows forgotten too early",
        "Rows a second that near_duplicates forgot within its horizon, rows of a window that align gave up: "
        "raise capacity or max_waiting.",
        "none",
        over_time(
            f"sum by (monitor, check) (rate(driftline_check_forgotten_rows_total{{{FLEET}}}[$__rate_interval]))",
            "{{monitor}} {{check}} forgotten",
        ),
        over_time(
            f"max by (monitor, check) (driftline_check_given_up_rows{{{FLEET}}})", "{{monitor}} {{check}} given up"
        ),
    ).min(0)


def _balance() -> list[object]:
    """Return the panels of checks of kind balance, of all rows."""

    def of(name: str, words: str) -> tuple[str, str]:
        query = f'max by (monitor, check) (driftline_balance_{name}{{{FLEET},segment=""}})'
        return query, f"{{{{monitor}}}} {{{{check}}}} {words}"

    classes = graph(
        "Effective number of classes",
        "In the last window: by entropy, and by Simpson, which heeds rare classes less.",
        "none",
        *(over_time(*of(*each)) for each in (("effective_classes", "by entropy"), ("simpson_classes", "by Simpson"))),
    ).min(0)
    imbalance = graph(
        "Most frequent class over the rarest",
        "How many times as many rows it has; no point where a class has none.",
        "none",
        over_time(*of("imbalance", "")),
    ).min(0)
    tail = graph(
        "Share of rare classes",
        "Share of the rows in classes below the check's tail_below each.",
        "percentunit",
        over_time(*of("tail_ratio", "")),
    ).min(0)
    return [classes, imbalance, tail]


def _agreement() -> list[object]:
    """Return the panels of checks of kind agreement: alpha with its interval, and what stands beside it."""

    def of(name: str, words: str) -> tuple[str, str]:
        return (
            f"max by (monitor, check) (driftline_agreement_{name}{{{FLEET}}})",
            f"{{{{monitor}}}} {{{{check}}}} {words}",
        )

    alpha = graph(
        "Agreement of annotators",
        "Krippendorff's alpha of the items rated in the last window, with its bootstrap interval; 1 is full agreement, "
        "0 is chance.",
        "none",
        *(over_time(*of(*each)) for each in (("alpha", "alpha"), ("alpha_lower", "lower"), ("alpha_upper", "upper"))),
    ).max(1)
    beside = graph(
        "Equal ratings and kappa",
        "Share of pairs of ratings of one item that are equal, and Cohen's kappa averaged over pairs of annotators.",
        "none",
        *(over_time(*of(*each)) for each in (("ratio", "equal"), ("kappa", "kappa"))),
    ).max(1)
    units = graph(
        "Items with two ratings or more",
        "In the last window, and ratings that were left out because too many waited.",
        "short",
        *(over_time(*of(*each)) for each in (("units", "items"), ("left_out", "left out"))),
    ).min(0)
    return [alpha, beside, units]


def _by_segment() -> object:
    by = "monitor, check, segment"
    worst = f"topk(20, max by ({by}) (driftline_check_failure_ratio{{{FLEET}}}) > 0)"
    table = listing(
        "Checks by segment",
        "The largest shares of failing rows in the last window; no data: none fails. An empty segment is all rows.",
        "percentunit",
        {"monitor": "Monitor", "check": "Check", "segment": "Segment", "Value #A": "Failing"},
        rows(worst),
        order="-Failing",
    )
    return rounded(table, "Failing", 1)
