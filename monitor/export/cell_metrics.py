"""The distribution of every field over all rows: shares per cell, the baseline's beside the last window's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.export.declaration import Declared, Row
from monitor.snapshot import ProfileView, Snapshot

MAX_CELLS: Final = 12
"""Cells that are exported of a field; more would be a graph that nobody can read."""
REST: Final = "(rest)"
_ALWAYS_LAST: Final = 2


def _rows(s: Snapshot) -> Iterable[Row]:
    """Return the rows of the profiles of all rows, each profile's in the order of its cells."""
    for profile in s.profiles:
        if not profile.segment:
            yield from _profile(profile)


def _profile(profile: ProfileView) -> Iterable[Row]:
    cells = list(zip(profile.labels, profile.baseline, profile.current, strict=True))
    if len(cells) > MAX_CELLS:
        # The last two are the values that the baseline did not know: where drift of categories shows first.
        head, tail = MAX_CELLS - _ALWAYS_LAST - 1, len(cells) - _ALWAYS_LAST
        between = cells[head:tail]
        rest = (REST, sum(before for _, before, _ in between), sum(now for _, _, now in between))
        cells = [*cells[:head], rest, *cells[tail:]]
    for number, (label, baseline, current) in enumerate(cells, 1):
        yield (profile.field, label, f"{number:02}", "baseline"), baseline
        yield (profile.field, label, f"{number:02}", "current"), current


CELLS: Final = (
    Declared(
        "Distributions, last closed window",
        "driftline_field_cell_ratio",
        "gauge",
        f"Share of the usable values in a cell, of all rows; source is baseline or current. At most {MAX_CELLS} cells, "
        f"the middle ones together as {REST}; position orders them.",
        ("field", "cell", "position", "source"),
        _rows,
    ),
)
