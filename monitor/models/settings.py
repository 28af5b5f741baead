"""What a user says of a model: its task, how long labels take, and when its performance is too bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from monitor.detectors import DetectorSpec
from monitor.models.error_detectors import ErrorDetectorSpec
from monitor.performance.confidence import Sureness
from monitor.performance.metrics import METRICS
from monitor.spec import DurationMs, Spec

Role = Literal["prediction", "probability", "label", "id", "model_version"]
"""What a field is to the model."""

SHOWN: Mapping[str, tuple[str, ...]] = {
    "binary": (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "specificity",
        "balanced_accuracy",
        "mcc",
        "auc",
        "average_precision",
        "log_loss",
        "brier",
        "ece",
    ),
    "multiclass": (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "balanced_accuracy",
        "mcc",
        "auc",
        "log_loss",
        "brier",
        "ece",
    ),
    "regression": ("mae", "rmse", "bias", "r2", "error_p50", "error_p95"),
}
"""The metrics that every model of a task has, in the order in which they are shown."""
ESTIMATED: Mapping[str, tuple[str, ...]] = {
    "binary": ("accuracy", "precision", "recall", "f1", "specificity", "auc"),
    "multiclass": ("accuracy", "precision", "recall", "f1", "auc"),
    "regression": (),
}
"""Those of them that are estimated without labels."""


class MetricLimitSpec(Spec):
    """Where a metric's levels begin; at least one of the two."""

    warning: float | None = Field(default=None, allow_inf_nan=False, description="Where warning begins.")
    critical: float | None = Field(default=None, allow_inf_nan=False, description="Where critical begins.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.warning is None and self.critical is None:
            raise ValueError("a limit without a level; add `warning`, `critical` or both")
        return self


class MetricSpec(Spec):
    """One metric that is judged: against fixed limits, against the baseline's value, or both."""

    kind: str = Field(description="The metric, such as accuracy, auc or mae.")
    of: str | None = Field(
        default=None, min_length=1, description="Of this class against the rest; where there is such."
    )
    min: MetricLimitSpec | None = Field(default=None, description="It must not be below these.")
    max: MetricLimitSpec | None = Field(default=None, description="It must not be above these.")
    drop_from_baseline: MetricLimitSpec | None = Field(
        default=None, description="It must not be worse than the baseline's value by more than these, in its own unit."
    )
    level_on: Literal["bound", "raw"] = Field(
        default="bound", description="Whether its 95 % interval has to be beyond the limit, or its value."
    )

    @field_validator("kind")
    @classmethod
    def _is_a_metric(cls, kind: str) -> str:
        if kind not in METRICS:
            raise ValueError(f"there is no metric {kind}; possible: {', '.join(METRICS)}")
        return kind

    @property
    def name(self) -> str:
        """What it is called in verdicts and alerts: its kind, and the class that it is of."""
        return self.kind if self.of is None else f"{self.kind}.{self.of}"

    @model_validator(mode="after")
    def _is_held_to_something(self) -> Self:
        limits = [name for name in ("min", "max", "drop_from_baseline") if getattr(self, name) is not None]
        if not limits:
            raise ValueError("nothing to hold the metric to; add `min`, `max` or `drop_from_baseline`")
        for name, sign in (("min", -1), ("max", 1), ("drop_from_baseline", 1)):
            limit = getattr(self, name)
            if limit is None or limit.warning is None or limit.critical is None:
                continue
            if sign * (limit.critical - limit.warning) < 0:
                raise ValueError(f"critical of {name} begins before warning; exchange them")
        return self


class SurenessSpec(Spec):
    """How sure the model says it is of each row; each measure is a field of its own, such as `score.entropy`."""

    measures: tuple[Sureness, ...] | None = Field(
        default=None,
        min_length=1,
        description="The measures; without it entropy of two classes, of which the others follow, of more all three.",
    )
    drift: tuple[DetectorSpec, ...] | None = Field(
        default=None, description="Their detectors; without it, the defaults that can compare numbers."
    )

    @field_validator("measures")
    @classmethod
    def _are_different(cls, measures: tuple[Sureness, ...] | None) -> tuple[Sureness, ...] | None:
        if measures is not None and len(set(measures)) < len(measures):
            raise ValueError("a measure is named twice; remove one")
        return measures


class LabelShiftSpec(Spec):
    """How far a class's estimated share may be from the baseline's, either way; null for no such level."""

    warning: float | None = Field(default=0.1, ge=0, le=1, description="Where warning begins.")
    critical: float | None = Field(default=0.2, ge=0, le=1, description="Where critical begins.")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.warning is not None and self.critical is not None and self.critical < self.warning:
            raise ValueError("critical begins before warning; exchange them")
        return self


class ModelSpec(Spec):
    """The model whose predictions the fields with a `role` are."""

    task: Literal["binary", "multiclass", "regression"] | None = Field(
        default=None, description="What it predicts; without it, what the fields' types and classes say."
    )
    classes: tuple[str, ...] | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="The classes, as the fields have them; else true and false, or what the label's `allowed` lists.",
    )
    positive: str | None = Field(default=None, description="Which of two classes is the positive one.")
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="The positive class is predicted from this probability on."
    )
    max_delay: DurationMs | None = Field(
        default=None, gt=0, description="Predictions and labels are joined by id; a label comes this late at most."
    )
    max_pending: int = Field(
        default=1_000_000,
        ge=1_000,
        le=50_000_000,
        description="Predictions that wait for their label; with more, ids are sampled.",
    )
    min_rows: int = Field(default=100, ge=1, description="With fewer labelled rows nothing is judged.")
    metrics: tuple[MetricSpec, ...] | None = Field(
        default=None, description="What is judged; without it, one metric of the task against the baseline."
    )
    estimated: bool = Field(default=True, description="Whether performance is estimated before there are labels.")
    sureness: SurenessSpec | None = Field(
        default=None, description="Entropy, confidence and margin of the probabilities as fields of their own."
    )
    label_shift: LabelShiftSpec | None = Field(
        default=None, description="Each class's share of the labels, estimated before they come, and its limits."
    )
    errors: tuple[ErrorDetectorSpec, ...] = Field(
        default=(), description="Detectors of concept drift, over the errors row by row."
    )
