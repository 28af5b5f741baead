"""The settings that all detectors share, as annotated types, and the accumulator a field type is kept in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from monitor.accumulators.categories import CategoriesSpec
from monitor.accumulators.histogram import HistogramSpec
from monitor.accumulators.languages import LanguagesSpec
from monitor.accumulators.words import WordsSpec
from monitor.inner_types import WORDS, language_sample
from monitor.types import Correlation, FieldType

NUMBERS: frozenset[FieldType] = frozenset({"number", "integer"})
"""The field types kept in a histogram; their cells have an order and a width."""

CATEGORIES: frozenset[FieldType] = frozenset({"boolean", "category"})
"""The field types kept as counts of known values."""


CellsSpec = HistogramSpec | CategoriesSpec | WordsSpec | LanguagesSpec
"""The Spec of what detectors on cells read."""


def _not_below_warning(critical: float, info: ValidationInfo) -> float:
    if critical < info.data.get("warning", critical):
        raise ValueError(f"is below warning ({info.data['warning']}); critical must be at least as large")
    return critical


WarningAbove = Annotated[float, Field(ge=0, allow_inf_nan=False, description="level warning above this")]
CriticalAbove = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False, description="level critical above this; at least `warning`"),
    AfterValidator(_not_below_warning),
]
LevelOn = Annotated[
    Literal["bound", "raw"],
    Field(description="what must exceed the threshold: the 95 % lower confidence bound, or the raw score"),
]
MinRows = Annotated[int, Field(ge=1, description="with fewer values than this the verdict is unknown")]
Rho = Annotated[
    Annotated[float, Field(ge=0, le=1)] | None,
    Field(description="correlation of two rows of one window, 0 when they are independent; null: as in the baseline"),
]
Direction = Annotated[
    Literal["both", "up", "down"], Field(description="which change counts: a rise, a fall, or either")
]
Buckets = Annotated[
    Literal[2, 5, 10, 25, 50],
    Field(description="quantile cells of a number; categories have a cell for each known value"),
]


def cells_spec(field: str, field_type: FieldType) -> CellsSpec:
    """Return the Spec of the accumulator that holds the cells of `field`.

    Raises ValueError for a field type that is not kept in cells.
    """
    if field_type in NUMBERS:
        return HistogramSpec(field=field)
    if field_type == WORDS:
        return WordsSpec(field=field)
    sample = language_sample(field_type)
    if sample is not None:
        return LanguagesSpec(field=field, sample=sample)
    if field_type in CATEGORIES:
        return CategoriesSpec(field=field)
    raise ValueError(f"{field}: a {field_type} field is not kept in cells")


def correlation(configured: float | None, estimated: Correlation) -> Correlation:
    """Return the correlation of two rows of one window: the configured one, or else the estimate."""
    return estimated if configured is None else configured
