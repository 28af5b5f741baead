"""The sections of a configuration that belong to no other package; all frozen and closed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from monitor.checks.contract import FieldCheckSpec, field_checks
from monitor.config.paths import FieldPath
from monitor.config.text_streams import TextStreamsSpec
from monitor.detectors import DetectorSpec
from monitor.inner_types import vector_type
from monitor.models import Role
from monitor.spec import Bytes, DurationMs, Spec, format_duration
from monitor.types import FieldType

Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share between 0 and 1, never percent."""

Bound = Annotated[float, Field(allow_inf_nan=False)]
"""One end of a range; an open end is null, never infinity."""


class TimeSpec(Spec):
    """Where event time comes from and how disordered it may be."""

    field: FieldPath | None = Field(default=None, description="Path of the event time; without it, Kafka's timestamp.")
    unit: Literal["s", "ms", "us", "ns", "iso8601"] = Field(
        default="ms", description="What a number in the event time counts, or that it is text."
    )
    lateness: DurationMs = Field(default=30_000, description="How far a row may be behind its partition's latest row.")
    idle: DurationMs = Field(
        default=60_000, gt=0, description="After this long at its end a partition holds nobody up."
    )
    max_ahead: DurationMs = Field(
        default=3_600_000, description="Event time further past the record's timestamp is a reject."
    )


class WindowSpec(Spec):
    """What is judged (`size`) and what is accumulated (`pane`); several panes make a sliding window."""

    size: DurationMs = Field(default=60_000, gt=0, description="The event time that is judged at once.")
    pane: DurationMs = Field(
        default_factory=lambda data: data["size"], gt=0, description="Divides the size; without it, the whole size."
    )

    @field_validator("pane")
    @classmethod
    def _divides_size(cls, pane: int, info: Any) -> int:
        size = info.data.get("size", pane)
        if pane > 0 and size % pane:
            spelled = format_duration(size)
            raise ValueError(
                f"the window's size {spelled} is not a multiple of the pane; choose a divisor of {spelled}"
            )
        return pane

    @property
    def panes(self) -> int:
        """Return how many panes make a window."""
        return self.size // self.pane


class SegmentSpec(Spec):
    """A dimension by which rows are judged apart: the values of one field, capped."""

    field: FieldPath = Field(description="Path of the field whose values are the segments.")
    max: int = Field(default=20, ge=1, le=10_000, description="At most this many values, the baseline's most frequent.")
    values: Annotated[tuple[str, ...], Field(min_length=1)] | Literal["observed"] | None = Field(
        None, description="Exactly these; `observed`: the first that come; without them, the baseline's."
    )

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        if not isinstance(self.values, tuple):
            return self
        if len(set(self.values)) != len(self.values):
            raise ValueError("a value is listed twice; remove one")
        if len(self.values) > self.max:
            raise ValueError(f"{len(self.values)} values are more than max = {self.max}; raise max")
        return self

    @property
    def named(self) -> frozenset[str]:
        """The values that are listed."""
        return frozenset(self.values if isinstance(self.values, tuple) else ())

    @property
    def most(self) -> int:
        """How many values have a segment of their own, at most."""
        return len(self.values) if isinstance(self.values, tuple) else self.max


class FieldSpec(Spec):
    """One field: its type, what it must satisfy in every row, and its own detectors if it has any."""

    type: FieldType = Field(description="What its values are.")
    dimension: int | None = Field(default=None, ge=1, description="How many numbers a vector has; for vectors only.")
    required: bool = Field(default=False, description="An absent field is a failure.")
    nullable: bool = Field(default=True, description="Whether null is fine; if not, it is a failure.")
    range: tuple[Bound | None, Bound | None] | None = Field(
        None, description="[lowest, highest]; null leaves an end open."
    )
    allowed: tuple[bool | int | float | str, ...] | None = Field(
        default=None, min_length=1, description="The only values that are fine."
    )
    role: Role | None = Field(default=None, description="What it is to the model; see `model`.")
    of: str | None = Field(default=None, min_length=1, description="The class whose probability it is.")
    drift: tuple[DetectorSpec, ...] | None = Field(default=None, description="Instead of the defaults; [] for none.")
    text: TextStreamsSpec | None = Field(default=None, description="Measures of a text that are fields of their own.")
    max_failure_ratio: Ratio = Field(default=0.0, description="Share of failing rows that is still fine.")
    severity: Literal["warning", "critical"] = Field(default="warning", description="The level when more rows fail.")
    importance: float = Field(
        default=1.0, gt=0, le=1000, allow_inf_nan=False, description="Its weight in the policy `budget`."
    )

    @field_validator("dimension")
    @classmethod
    def _dimension_fits(cls, value: int | None, info: Any) -> int | None:
        if value is not None and info.data.get("type", "vector") != "vector":
            raise ValueError("only vector fields have a dimension; leave it out, or change the type to vector")
        return value

    @field_validator("text")
    @classmethod
    def _text_fits(cls, value: Any, info: Any) -> Any:
        if value is not None and info.data.get("type", "text") != "text":
            raise ValueError("only text fields have measures of texts; leave them out, or change the type to text")
        return value

    @field_validator("range")
    @classmethod
    def _range_fits(cls, value: Any, info: Any) -> Any:
        if value is None:
            return value
        if info.data.get("type", "number") not in ("number", "integer"):
            raise ValueError("only number and integer fields have a range; use allowed, or change the type")
        low, high = value
        if low is not None and high is not None and low > high:
            raise ValueError(f"the lowest value {low:g} is above the highest {high:g}; exchange them")
        return value

    @field_validator("allowed")
    @classmethod
    def _allowed_fits(cls, value: Any, info: Any) -> Any:
        wanted = info.data.get("type")
        if wanted == "vector" and value is not None:
            raise ValueError("vectors have no list of allowed values; leave it out")
        for entry in value or ():
            if wanted in ("category", "text") and not isinstance(entry, str):
                raise ValueError(f"{entry} is not text, as the values of a {wanted} field are; put it in quotes")
            if wanted in ("number", "integer") and (isinstance(entry, bool) or not isinstance(entry, int | float)):
                raise ValueError(f"{entry!r} is not a number, as the values of a {wanted} field are")
            if wanted == "boolean" and not isinstance(entry, bool):
                raise ValueError(f"{entry!r} is neither true nor false")
        return value

    @model_validator(mode="after")
    def _has_its_dimension(self) -> Self:
        if self.type == "vector" and self.dimension is None:
            raise ValueError("a vector field needs its dimension; add how many numbers each vector has")
        return self

    @property
    def kept_type(self) -> FieldType:
        """The type as decoders, accumulators and baselines know it: that of a vector has its dimension."""
        return self.type if self.dimension is None else vector_type(self.dimension)

    def checks(self, path: str) -> tuple[FieldCheckSpec, ...]:
        """Return the checks that follow from this contract of the field at `path`."""
        return field_checks(
            path,
            required=self.required,
            nullable=self.nullable,
            range=self.range,
            allowed=self.allowed,
            max_failure_ratio=self.max_failure_ratio,
            severity=self.severity,
        )


class FlapSpec(Spec):
    """What counts as flapping; an alert that flaps stays firing until it has been quiet for longer."""

    max: int = Field(default=3, ge=2, le=100, description="So many times it fired …")
    within: DurationMs = Field(
        default=3_600_000, gt=0, description="… within this time, or within 48 windows if that is longer."
    )


class AlertingSpec(Spec):
    """How many windows in a row raise and clear an alert, what flaps, and whether what another explains is told."""

    raise_after: int = Field(default=2, ge=1, description="Windows in a row before an alert fires.")
    clear_after: int = Field(default=2, ge=1, description="Windows in a row before it resolves.")
    contracts_raise_after: int = Field(default=1, ge=1, description="The same for checks, which are certain at once.")
    flap: FlapSpec | None = Field(
        default=FlapSpec(), description="What counts as flapping, which takes longer to clear; null for nothing."
    )
    inhibition: bool = Field(default=True, description="Whether what something worse explains waits while that fires.")


class StoreSpec(Spec):
    """Where offsets, statistics, results and pending notifications survive a restart."""

    path: str = Field(default="/var/lib/driftline", min_length=1, description="The only directory that is written to.")
    checkpoint_interval: DurationMs = Field(
        default=1_000, gt=0, description="It stretches so that checkpoints cost at most 5 % of the time."
    )
    history: DurationMs = Field(default=30 * 86_400_000, description="How long results are kept.")
    max_history_bytes: Bytes = Field(default=1 << 30, description="The oldest results go first when this is reached.")


class LimitsSpec(Spec):
    """Caps that keep a bad producer or a bad configuration from taking the daemon down."""

    max_record_bytes: Bytes = Field(default=1 << 20, description="A larger record is a reject.")
    max_nesting_depth: int = Field(default=64, ge=1, le=1_000, description="A record nested deeper is a reject.")
    max_fields: int = Field(default=500, ge=1, le=10_000, description="Configured fields.")
    max_group_fields: int = Field(default=200, ge=2, le=2_000, description="Fields of one group.")
    max_categories: int = Field(
        default=1_000, ge=1, le=100_000, description="Values that a baseline keeps of a category."
    )
    max_vector_dimension: int = Field(
        default=2_048,
        ge=1,
        le=16_384,
        description="Numbers of a vector; state grows with their square, judging with their cube.",
    )
    max_segments: int = Field(default=200, ge=1, le=100_000, description="Segments of all dimensions together.")
    max_series: int = Field(
        default=20_000, ge=1, le=10_000_000, description="Series in an exposition; the least important are left out."
    )
    max_open_panes: int = Field(
        default=1_000, ge=2, le=1_000_000, description="Panes a partition may have open before it waits."
    )
    max_silences: int = Field(default=500, ge=1, le=10_000, description="Silences that have not ended.")
    max_state_bytes: Bytes = Field(default=1 << 30, description="Estimated size of the state.")
    max_baseline_rows: int = Field(
        default=2_000_000, ge=1, le=1_000_000_000, description="Rows that a baseline is built from."
    )
