"""The accumulator of a model's outcomes in a pane: it stands where one of several columns stands."""

from __future__ import annotations

from typing import Any, Literal

from monitor.models.plan import ModelPlan
from monitor.models.reading import outcomes, said_anything
from monitor.performance import PerformanceCounts, PerformanceFrame
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, Groups


class OutcomesSpec(Spec):
    """What names the accumulator: the model's fields and its task; equal ones count the same."""

    kind: Literal["outcomes"] = "outcomes"
    fields: tuple[str, ...]
    task: str
    classes: tuple[str, ...]
    threshold: float
    roles: str
    frame_digest: str

    @property
    def frame_key(self) -> str:
        """A name that no field has: its frame is the baseline's own of the model."""
        return "$model"


class ModelOutcomes:
    """What is accumulated of a model in every pane; builds its accumulators, as a Spec does.

    It is a Spec with what the baseline froze, which is too large to be its name.
    """

    def __init__(self, plan: ModelPlan, frame: PerformanceFrame | None) -> None:
        """Count by this plan, on the baseline's frame or on the plain one."""
        self.plan, self.frame = plan, frame or PerformanceFrame.plain(plan.task)
        self.fields = plan.fields.paths
        self.spec = OutcomesSpec(
            fields=self.fields,
            task=plan.task.kind,
            classes=plan.task.classes,
            threshold=plan.task.threshold,
            roles=f"{plan.fields.prediction} {plan.fields.probabilities} {plan.fields.label}",
            frame_digest=self.frame.digest,
        )

    @property
    def kind(self) -> str:
        """The kind of accumulator."""
        return self.spec.kind

    @property
    def frame_key(self) -> str:
        """The name of its frame."""
        return self.spec.frame_key

    def model_dump_json(self) -> str:
        """Return its identity, as every Spec does."""
        return self.spec.model_dump_json()

    def __hash__(self) -> int:
        """Return a hash by its identity."""
        return hash(self.spec)

    def __eq__(self, other: object) -> bool:
        """Return whether the other counts the same."""
        return isinstance(other, ModelOutcomes) and self.spec == other.spec

    def build(self, frame: Any, groups: int) -> OutcomeCounts:
        """Return an empty accumulator; it has its frame already."""
        return OutcomeCounts(self.plan, PerformanceCounts(self.plan.task, groups, self.frame))


class OutcomeCounts:
    """`PerformanceCounts` that reads a pane's columns."""

    def __init__(self, plan: ModelPlan, counts: PerformanceCounts) -> None:
        """Count into these."""
        self._plan, self.counts = plan, counts

    def update(self, columns: tuple[Column, ...], groups: Groups) -> None:
        """Fold the predictions in; a row without one is only the label of another."""
        n = len(columns[0])
        if n:
            by_path = dict(zip(self._plan.fields.paths, columns, strict=True))
            found = outcomes(self._plan, by_path, groups, n)
            says = said_anything(found, self._plan)
            self.counts.update(found if says.all() else found.take(says))

    def merge(self, other: OutcomeCounts) -> None:
        """Fold another one in."""
        self.counts.merge(other.counts)

    def state(self) -> State:
        """Return everything needed to continue."""
        return self.counts.state()

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        self.counts.load(state)
