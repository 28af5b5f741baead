"""The statistics of every field over the last closed window."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from monitor.export.declaration import Declared, Read, Row
from monitor.snapshot import FieldView, Snapshot

_SECTION: Final = "Fields, last closed window"
_id: Final = attrgetter("field", "segment")  # there are thousands of views, which this reads in C


def _reader(attribute: str) -> Read:
    """Return a reader of one attribute of every field view."""
    value = attrgetter(attribute)

    def rows(s: Snapshot) -> Iterable[Row]:
        return zip(map(_id, s.fields), map(value, s.fields), strict=True)

    return rows


def _quantiles(f: FieldView) -> Iterable[Row]:
    return (((f.field, f.segment, f"{q:g}"), value) for q, value in sorted(f.quantiles.items()))


def _field(name: str, what: str, attribute: str) -> Declared:
    return Declared(_SECTION, name, "gauge", what, ("field", "segment"), _reader(attribute))


FIELDS: Final = (
    _field("driftline_field_rows", "Rows.", "rows"),
    _field("driftline_field_missing_ratio", "Share of rows where the field is absent or null.", "missing_ratio"),
    _field(
        "driftline_field_invalid_ratio",
        "Share of rows with a wrong type or a number that is not finite.",
        "invalid_ratio",
    ),
    _field(
        "driftline_field_mean",
        "Mean of the usable numbers; of vectors, of their Euclidean norms, and so in the next three.",
        "mean",
    ),
    _field("driftline_field_stddev", "Standard deviation of the usable numbers.", "stddev"),
    _field("driftline_field_min", "Smallest usable number.", "min"),
    _field("driftline_field_max", "Largest usable number.", "max"),
    _field("driftline_field_distinct", "Different usable values, estimated.", "distinct"),
    Declared(
        _SECTION,
        "driftline_field_quantile",
        "gauge",
        "Quantiles of the usable numbers, estimated.",
        ("field", "segment", "quantile"),
        lambda s: (row for f in s.fields if f.quantiles for row in _quantiles(f)),
    ),
)
