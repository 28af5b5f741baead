"""The part of the field dashboard that is about its distribution: baseline against now, cell by cell."""

from __future__ import annotations

from typing import Final

from dashboards.frame import Section
from dashboards.panels import BLUE, ORANGE, bars, coloured, stacked, wide
from dashboards.queries import MONITOR, over_time, rows

_FIELD: Final = f'{MONITOR},field="$field"'
_TOP_CELLS: Final = 8


def _cells(source: str, by: str) -> str:
    return f'max by ({by}) (driftline_field_cell_ratio{{{_FIELD},source="{source}"}})'


def distribution() -> Section:
    """Return the section of a field's distribution, baseline against now."""
    moved = f"({_cells('current', 'cell')} - {_cells('baseline', 'cell')})"
    both = bars(
        "Baseline against the last window",
        "Share of the usable values in each cell, of all rows whatever the segment. Cells of numbers are the "
        "baseline's tenths, so each holds about 10 % of it.",
        "percentunit",
        "cell",
        {"Value #A": "baseline", "Value #B": "last window"},
        rows(_cells("baseline", "cell, position")),
        rows(_cells("current", "cell, position")),
        order="position",
    )
    shifted = bars(
        "Cells that moved most",
        "Current share less the baseline's, of the cells with the largest difference: above zero there is more of it "
        "than there was.",
        "percentunit",
        "cell",
        {"Value": "difference"},
        rows(f"{moved} and topk({_TOP_CELLS}, abs({moved}))"),
        order="-Value",
    )
    coloured(shifted, ((None, BLUE), (0, ORANGE)))
    # Prometheus sorts series by their labels, by name: `at` comes before `cell`, so the areas stand in their order.
    ordered = f'label_replace({_cells("current", "position, cell")}, "at", "$1", "position", "(.*)")'
    over = stacked(
        "Distribution over time",
        "Share of the usable values in each cell, window after window, of all rows.",
        "percentunit",
        over_time(ordered, "{{cell}}"),
    ).max(1)
    return "Distribution of all rows", [(10, [both, shifted]), (9, [wide(over)])]
