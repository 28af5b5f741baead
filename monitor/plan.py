"""The compiled configuration: what the engine runs on. Built once at start, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, cast

from monitor.accumulators import AccumulatorSpec
from monitor.alerting.flap import Flap
from monitor.alerting.links import Links
from monitor.baseline import Baseline, BaselineSpec, profile_specs
from monitor.checks import WindowCheck
from monitor.decoders import DecodePlan
from monitor.doping.settings import SelfTestSpec
from monitor.models import ModelOutcomes, ModelPlan
from monitor.policy import Policy, ThresholdPolicy
from monitor.profile import ENOUGH_ROWS, ProfilePlan
from monitor.protocols import Check
from monitor.segments import Segmenter
from monitor.sequential import SequentialSpec, needed
from monitor.types import Batch, FieldType
from monitor.windows import PaneGrid

_THRESHOLDS = ThresholdPolicy()
_SELF_TEST = SelfTestSpec()


@dataclass(frozen=True)
class FieldDetector:
    """One detector on one field or group, with its Spec (thresholds) and the Spec of what it compares."""

    field: str
    name: str
    spec: Any
    detector: Any
    needs: Any


class RowCheck(Check, Protocol):
    """A row check with its Spec: name, field, tolerance and severity."""

    @property
    def spec(self) -> Any:
        """What it was configured with."""
        ...


@dataclass(frozen=True)
class Hysteresis:
    """Windows of event time to raise and to clear, for drift and for checks, and what counts as flapping."""

    raise_after: int = 2
    clear_after: int = 2
    checks_raise_after: int = 1
    flap: Flap | None = None


@dataclass(frozen=True, eq=False)
class MonitorPlan:
    """Everything the engine needs to know; times in milliseconds.

    `idle_ms` None: a partition is never idle but ends where its source ends (files, replay).
    """

    monitor: str
    decode: DecodePlan
    grid: PaneGrid
    lateness_ms: int
    idle_ms: int | None
    detectors: tuple[FieldDetector, ...] = ()
    row_checks: tuple[RowCheck, ...] = ()
    window_checks: tuple[WindowCheck, ...] = ()
    segmenter: Segmenter = Segmenter()
    baseline: Baseline | None = None
    keeping: BaselineSpec | None = None
    """How the baseline is kept; None: as it was built."""
    policy: Policy = _THRESHOLDS
    importance: Mapping[str, float] = field(default_factory=dict)
    """The fields' weights in a budget of false pages; 1 where there is none."""
    hysteresis: Hysteresis = Hysteresis()
    links: Links = Links()
    sequential: tuple[SequentialSpec, ...] = ()
    model: ModelPlan | None = None
    self_test: SelfTestSpec = _SELF_TEST
    max_open_panes: int = 1000
    config_hash: str = ""
    made: Mapping[str, FieldType] = field(default_factory=dict)
    """The fields that are made of others after decoding, and their types."""

    @cached_property
    def fields(self) -> Mapping[str, FieldType]:
        """The configured fields and those made of them, with their types."""
        return {**self.decode.fields, **self.made}

    @property
    def clock(self) -> str:
        """What event time is counted by; panes of another clock cannot go on."""
        time = self.decode.event_time
        return "record" if time.path is None else f"{time.path} {time.unit}"

    @property
    def baseline_version(self) -> str | None:
        """The version of the baseline, None without one."""
        return self.baseline.version if self.baseline is not None else None

    def derive(self, batch: Batch) -> None:
        """Do beforehand what folding a batch begins with, where all its rows will be folded at once and together."""
        if len(batch) >= ENOUGH_ROWS:
            times = batch.event_times_ms
            if self.grid.start(int(times.min())) == self.grid.start(int(times.max())):
                self.profile.derive(batch.columns)

    @cached_property
    def outcomes(self) -> ModelOutcomes | None:
        """What is accumulated of the model in every pane; None without one."""
        reference = self.baseline.model if self.baseline is not None else None
        return None if self.model is None else ModelOutcomes(self.model, None if reference is None else reference.frame)

    @cached_property
    def profile(self) -> ProfilePlan:
        """What every pane accumulates."""
        usual = [spec for path, kind in self.fields.items() for spec in profile_specs(path, kind)]
        wished: list[AccumulatorSpec] = [spec for check in self.window_checks for spec in check.needs(self.fields)]
        wished += [need for spec in self.sequential if (need := needed(spec)) is not None]
        wished += [item.needs for item in self.detectors]
        # It has what a Spec has, and the baseline's frame, which is too large to be written into one.
        wished += [] if self.outcomes is None else [cast("Any", self.outcomes)]
        specs = tuple(dict.fromkeys([*usual, *wished]))
        frames = self.baseline.frames if self.baseline is not None else {}
        wanted: dict[str, Any] = {path: frame for path, frame in frames.items() if path in self.fields}
        wanted |= self.baseline.group_frames if self.baseline is not None else {}
        # What a check knows from a baseline or a file besides its Spec is part of what its counts mean.
        checks = tuple(check.spec.model_dump_json() + getattr(check, "content", "") for check in self.row_checks)
        return ProfilePlan(specs, wanted, self.segmenter.labels, checks, dict(self.fields))
