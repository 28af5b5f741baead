"""How full what is bounded is: checks that remember rows, and segments whose values are observed."""

from __future__ import annotations

from typing import Final

from monitor.export.declaration import Declared

MEMORY: Final = (
    Declared(
        "Checks with memory",
        "driftline_check_forgotten_rows_total",
        "counter",
        "Rows that a check of kind near_duplicates forgot within its horizon, as more came than its capacity.",
        ("check",),
        lambda s: (((check,), rows) for check, rows in sorted(s.forgotten_rows.items())),
    ),
    Declared(
        "Checks with memory",
        "driftline_check_given_up_rows",
        "gauge",
        "Rows of the last window that a check of kind align gave up, as more waited than max_waiting.",
        ("check",),
        lambda s: (((c.check,), c.details["dropped"]) for c in s.checks if "dropped" in c.details),
    ),
)

SEGMENTS: Final = (
    Declared(
        "Segments",
        "driftline_segment_values",
        "gauge",
        "Values of a field that have a segment of their own, where they are observed.",
        ("field",),
        lambda s: (((field,), known) for field, (known, _) in sorted(s.segment_values.items())),
    ),
    Declared(
        "Segments",
        "driftline_segment_values_free",
        "gauge",
        "Segments that are left for values to come; at 0 further values share <other>.",
        ("field",),
        lambda s: (((field,), free) for field, (_, free) in sorted(s.segment_values.items())),
    ),
)
