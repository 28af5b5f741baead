"""Detectors of concept drift over a model's errors, row by row: river's, with river's defaults.

`binary` ones take 0 for a right prediction and 1 for a wrong one and nothing else, so they have no place in a
regression; `flipped`: river takes 1 for what is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from monitor.spec import Spec

_Severity = Annotated[Literal["warning", "critical"], Field(description="The level of a window with a change.")]
_Segments = Annotated[bool, Field(description="Whether the errors of each segment are heard by themselves, too.")]
_Name = Annotated[str | None, Field(min_length=1, description="What alerts and metrics call it; else its kind.")]


class AdwinErrorsSpec(Spec):
    """ADWIN: the mean error of two parts of an adaptive window."""

    binary: ClassVar[bool] = False
    flipped: ClassVar[bool] = False

    kind: Literal["adwin"] = "adwin"
    delta: float = Field(default=0.002, gt=0, lt=1, description="Chance of a change where there is none.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift import ADWIN

        untyped: Any = ADWIN
        return lambda: untyped(delta=self.delta)


class PageHinkleyErrorsSpec(Spec):
    """Page-Hinkley: the sum of what the error is above its mean."""

    binary: ClassVar[bool] = False
    flipped: ClassVar[bool] = False

    kind: Literal["page_hinkley"] = "page_hinkley"
    min_instances: int = Field(default=30, ge=1, description="Rows before it looks for a change.")
    delta: float = Field(default=0.005, ge=0, description="What is taken off every row, in units of the error.")
    threshold: float = Field(default=50.0, gt=0, description="The sum that is a change, in units of the error.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift import PageHinkley

        return lambda: PageHinkley(min_instances=self.min_instances, delta=self.delta, threshold=self.threshold)


class KswinErrorsSpec(Spec):
    """KSWIN: a Kolmogorov-Smirnov test of the last rows against some before; about 400 µs a row."""

    binary: ClassVar[bool] = False
    flipped: ClassVar[bool] = False

    kind: Literal["kswin"] = "kswin"
    alpha: float = Field(default=0.005, gt=0, lt=1, description="p-value at or below which there is a change.")
    window_size: int = Field(default=100, ge=20, le=10_000, description="Rows that are remembered.")
    stat_size: int = Field(default=30, ge=5, le=1_000, description="The last rows, which are tested.")
    seed: int = Field(default=0, ge=0, le=2**31, description="What the lots are drawn from.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift import KSWIN

        return lambda: KSWIN(self.alpha, self.window_size, self.stat_size, self.seed)


class DdmErrorsSpec(Spec):
    """DDM: the share of wrong predictions against its own minimum, in standard deviations."""

    binary: ClassVar[bool] = True
    flipped: ClassVar[bool] = False

    kind: Literal["ddm"] = "ddm"
    warm_start: int = Field(default=30, ge=1, description="Rows before it looks for a change.")
    warning_threshold: float = Field(default=2.0, gt=0, description="Standard deviations that are the warning zone.")
    drift_threshold: float = Field(default=3.0, gt=0, description="Standard deviations that are a change.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift.binary import DDM

        return lambda: DDM(self.warm_start, self.warning_threshold, self.drift_threshold)


class EddmErrorsSpec(Spec):
    """EDDM: how far wrong predictions are apart against the farthest that they were."""

    binary: ClassVar[bool] = True
    flipped: ClassVar[bool] = False

    kind: Literal["eddm"] = "eddm"
    warm_start: int = Field(default=30, ge=1, description="Rows before it looks for a change.")
    alpha: float = Field(default=0.95, gt=0, le=1, description="Share of the distance that is the warning zone.")
    beta: float = Field(default=0.9, gt=0, le=1, description="Share of the distance that is a change.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift.binary import EDDM

        return lambda: EDDM(self.warm_start, self.alpha, self.beta)


class HddmAErrorsSpec(Spec):
    """HDDM-A: the mean error before and after, by Hoeffding's bound."""

    binary: ClassVar[bool] = True
    flipped: ClassVar[bool] = False

    kind: Literal["hddm_a"] = "hddm_a"
    drift_confidence: float = Field(default=0.001, gt=0, lt=1, description="Chance of a change where there is none.")
    warning_confidence: float = Field(default=0.005, gt=0, lt=1, description="The same of the warning zone.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift.binary import HDDMA

        untyped: Any = HDDMA
        return lambda: untyped(self.drift_confidence, self.warning_confidence)


class HddmWErrorsSpec(Spec):
    """HDDM-W: the same of a weighted mean, by McDiarmid's bound."""

    binary: ClassVar[bool] = True
    flipped: ClassVar[bool] = False

    kind: Literal["hddm_w"] = "hddm_w"
    drift_confidence: float = Field(default=0.001, gt=0, lt=1, description="Chance of a change where there is none.")
    warning_confidence: float = Field(default=0.005, gt=0, lt=1, description="The same of the warning zone.")
    lambda_val: float = Field(default=0.05, gt=0, lt=1, description="The weight of the newest row.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift.binary import HDDMW

        untyped: Any = HDDMW
        return lambda: untyped(self.drift_confidence, self.warning_confidence, self.lambda_val)


class FhddmErrorsSpec(Spec):
    """FHDDM: the share of right predictions in the last rows against the best that it was."""

    binary: ClassVar[bool] = True
    flipped: ClassVar[bool] = True

    kind: Literal["fhddm"] = "fhddm"
    sliding_window_size: int = Field(default=100, ge=5, le=10_000, description="Rows that are compared.")
    confidence_level: float = Field(default=1e-6, gt=0, lt=1, description="Chance of a change where there is none.")
    name: _Name = None
    severity: _Severity = "warning"
    segments: _Segments = False

    def make(self) -> Callable[[], Any]:
        """Return what makes a new detector."""
        from river.drift.binary import FHDDM

        return lambda: FHDDM(self.sliding_window_size, self.confidence_level)


ErrorDetectorSpec = Annotated[
    AdwinErrorsSpec
    | PageHinkleyErrorsSpec
    | KswinErrorsSpec
    | DdmErrorsSpec
    | EddmErrorsSpec
    | HddmAErrorsSpec
    | HddmWErrorsSpec
    | FhddmErrorsSpec,
    Field(discriminator="kind"),
]
"""Every detector of concept drift; a new one is a class and a line here."""
