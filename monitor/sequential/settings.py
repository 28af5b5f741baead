"""The settings that sequential detectors share, as annotated types, and what they must agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo

Statistic = Literal[
    "mean", "stddev", "missing_ratio", "invalid_ratio", "distinct", "quantile", "rows", "score", "failure_ratio"
]
OF_FIELD: frozenset[str] = frozenset(
    {"mean", "stddev", "missing_ratio", "invalid_ratio", "distinct", "quantile", "score"}
)
"""The statistics that are of one field."""


def _statistic(info: ValidationInfo) -> str:
    return str(info.data.get("statistic", ""))


def _needed(statistics: frozenset[str], setting: str) -> Any:
    """Return a validator that wants the setting with some statistics and refuses it with the others."""

    def check(value: Any, info: ValidationInfo) -> Any:
        statistic = _statistic(info)
        if statistic in statistics and value is None:
            raise ValueError(f"the statistic {statistic} needs {setting}; add `{setting}`")
        if statistic and statistic not in statistics and value is not None:
            raise ValueError(f"the statistic {statistic} has no {setting}; remove it, or choose another statistic")
        return value

    return AfterValidator(check)


StatisticOfWindows = Annotated[
    Statistic, Field(description="what of each window is the series; `rows` is 0 for an empty window")
]
FieldOfSeries = Annotated[
    str | None,
    Field(description="path of the field, one of `fields`; not with `rows` and `failure_ratio`"),
    _needed(OF_FIELD, "field"),
]
QuantileOfField = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | None,
    Field(description="which quantile, 0 to 1; with `quantile` only"),
    _needed(frozenset({"quantile"}), "quantile"),
]
ScoreOfDetector = Annotated[
    str | None,
    Field(description="the detector of the field whose score is the series; with `score` only"),
    _needed(frozenset({"score"}), "detector"),
]
RatioOfCheck = Annotated[
    str | None,
    Field(description="the name of the check whose share of failing rows is the series; with `failure_ratio` only"),
    _needed(frozenset({"failure_ratio"}), "check"),
]
FailedCheck = Annotated[
    str, Field(min_length=1, description="the name of the check: 1 where its level is warning or worse, 0 where ok")
]
Segments = Annotated[bool, Field(description="a series for each segment beside that of all rows")]
SeriesName = Annotated[str, Field(min_length=1, description="the name of the detector on metrics and alerts")]
WarmUp = Annotated[
    int,
    Field(ge=10, le=1000, description="so many windows set the level, scale and correlation that the rest is held to"),
]
Clip = Annotated[
    float,
    Field(
        ge=1,
        le=100,
        description="standardised values are cut to ± this: one wild window is no change of level",
    ),
]
Hold = Annotated[
    int, Field(ge=0, le=1000, description="so many windows after a change keep its level, for a person to see it")
]
Severity = Annotated[Literal["warning", "critical"], Field(description="level when a change is found")]

DriftConfidence = Annotated[float, Field(gt=0, lt=1, description="chance of a change where there is none")]
WarningConfidence = Annotated[
    float, Field(gt=0, lt=1, description="chance of the warning zone where there is no change")
]
TwoSided = Annotated[bool, Field(description="whether a fall of the share is a change too")]


def require_zone(warning: float, drift: float) -> None:
    """Raise ValueError where the warning zone of a Hoeffding test would begin after the change."""
    if warning < drift:
        raise ValueError(f"warning_confidence {warning:g} is below drift_confidence {drift:g}; exchange them")


def series_name(data: Mapping[str, Any]) -> str:
    """Return `adwin_mean`, `adwin_quantile_0.99`, `adwin_score_psi` or `adwin_failure_ratio`."""
    statistic = data.get("statistic", "")
    more = data.get("quantile") if statistic == "quantile" else data.get("detector") if statistic == "score" else None
    return f"{data.get('kind', '')}_{statistic}" + ("" if more is None else f"_{more}")
