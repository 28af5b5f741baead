"""The identity of what is remembered of a model: what changes it makes the memory worthless."""

from __future__ import annotations

from typing import Self

from monitor.models.plan import ModelPlan
from monitor.spec import Spec


class TrackedSpec(Spec):
    """Everything that stored rows depend on; not what they are counted and judged by."""

    name: str
    task: str
    classes: tuple[str, ...]
    threshold: float
    fields: str
    max_delay_ms: int | None
    segments: tuple[str, ...]

    @classmethod
    def of(cls, plan: ModelPlan, segments: tuple[str, ...]) -> Self:
        """Return the identity of a model's memory."""
        return cls(
            name=plan.fields.name,
            task=plan.task.kind,
            classes=plan.task.classes,
            threshold=plan.task.threshold,
            fields=str(plan.fields),
            max_delay_ms=plan.max_delay_ms,
            segments=segments,
        )
