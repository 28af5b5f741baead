"""The kinds of baseline that can be configured; each keeps its ruler as versions in a directory."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from monitor.spec import Spec

_PATH = Field(min_length=1, description="A directory of versions, relative to the working directory.")
_LEARN = Field(default=10_000, ge=10, le=10_000_000, description="Without a version: rows to learn the ruler from.")
_LEAST = Field(default=1_000, ge=1, description="With fewer rows than this, learning the ruler waits for more.")


def _learnable(spec: Any) -> None:
    if spec.min_learn_rows > spec.learn_rows:
        raise ValueError(f"min_learn_rows = {spec.min_learn_rows} is above learn_rows = {spec.learn_rows}; lower it")


class FileBaselineSpec(Spec):
    """The same reference for every window: rows of files or of a stretch of the topics."""

    kind: Literal["file"] = "file"
    path: str = _PATH


class TrailingBaselineSpec(Spec):
    """The last windows that were in control; a fault waits in quarantine and does not become the norm."""

    kind: Literal["trailing"] = "trailing"
    path: str = _PATH
    windows: int = Field(default=24, ge=1, le=1_000, description="So many windows make the reference.")
    quarantine: int = Field(default=3, ge=1, le=1_000, description="Windows judged before a window may join them.")
    min_windows: int = Field(default=3, ge=1, description="Until so many are in, verdicts are unknown: learning.")
    accept_after: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Windows in a row at warning or worse that make them the norm.",
    )
    learn_rows: int = _LEARN
    min_learn_rows: int = _LEAST

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_windows > self.windows:
            raise ValueError(f"min_windows = {self.min_windows} is above windows = {self.windows}; lower it")
        if self.accept_after is not None and self.accept_after < self.min_windows:
            raise ValueError(
                f"accept_after = {self.accept_after} is below min_windows = {self.min_windows}: "
                "the accepted windows would not be enough; raise it"
            )
        _learnable(self)
        return self


class SeasonalBaselineSpec(Spec):
    """The same hours of a reference, of the day or of the week, shrunk towards all of it."""

    kind: Literal["seasonal"] = "seasonal"
    path: str = _PATH
    season: Literal["hour_of_day", "hour_of_week"] = Field(default="hour_of_day", description="Which hours are alike.")
    time_zone: str = Field(default="UTC", description="Whose hours: an IANA name, such as Europe/Berlin.")
    shrinkage: float = Field(
        default=10.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="Rows a cell that all of it lends an hour.",
    )

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {name}; write an IANA name such as UTC or Europe/Berlin") from error
        return name

    @property
    def slots(self) -> int:
        """How many hours are told apart."""
        return 24 if self.season == "hour_of_day" else 168


class PreviousBaselineSpec(Spec):
    """The window before: flags a change when it comes, and only then."""

    kind: Literal["previous"] = "previous"
    path: str = _PATH
    learn_rows: int = _LEARN
    min_learn_rows: int = _LEAST

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _learnable(self)
        return self


def _with_kind(value: Any) -> Any:
    """Return a baseline without a kind as one of kind file, which it was before there were others."""
    return {"kind": "file", **value} if isinstance(value, dict) and "kind" not in value else value


LEARNING = (TrailingBaselineSpec, PreviousBaselineSpec)
"""The kinds whose ruler is learnt where there is no version of it yet."""

BaselineSpec = Annotated[
    Annotated[
        FileBaselineSpec | TrailingBaselineSpec | SeasonalBaselineSpec | PreviousBaselineSpec,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_with_kind),
]
"""Any baseline's Spec, told apart by `kind`."""
