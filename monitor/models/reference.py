"""What a baseline keeps of a model: the frame that its rows froze, and how well it did on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.codec import from_json, to_json
from monitor.errors import DAMAGE, StoreError
from monitor.models.cohorts import Cohorts, outcomes_of
from monitor.models.plan import ModelPlan
from monitor.models.reading import outcomes
from monitor.performance import Outcomes, PerformanceCounts, PerformanceFrame
from monitor.segments import Segmenter
from monitor.types import Batch, Groups


@dataclass(frozen=True, eq=False)
class ModelReference:
    """The frame and the counts of the baseline's rows, by segment; `fields` names what they were made of."""

    fields: str
    frame: PerformanceFrame
    counts: PerformanceCounts

    def fits(self, plan: ModelPlan) -> bool:
        """Return whether it is of the same fields and the same task."""
        return self.fields == str(plan.fields) and self.frame.task == plan.task

    def lent(self, segmenter: Segmenter) -> ModelReference:
        """Return it with the counts of all rows for those segments whose values are still to be observed.

        A version that the baseline never saw is held to how well the model did there as a whole.
        """
        free = [group for group, label in enumerate(segmenter.labels) if label in segmenter.names]
        if not free:
            return self
        counts = PerformanceCounts(self.frame.task, segmenter.size, self.frame)
        counts.merge(self.counts)
        counts.lend(free)
        return ModelReference(self.fields, self.frame, counts)

    def content(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {"fields": self.fields, "frame": self.frame.state(), "counts": to_json(self.counts.state())}

    @classmethod
    def of_content(cls, content: Any, groups: int) -> ModelReference:
        """Return what `content` describes; raises StoreError on damage."""
        try:
            frame = PerformanceFrame.of_state(content["frame"])
            counts = PerformanceCounts(frame.task, groups, frame)
            counts.load(from_json(content["counts"]))
            return cls(str(content["fields"]), frame, counts)
        except DAMAGE as error:
            raise StoreError(f"the baseline's model is damaged ({error}); build the baseline again") from error


def reference_of(plan: ModelPlan, segmenter: Segmenter, batches: Iterable[Batch]) -> ModelReference:
    """Return the reference of all the baseline's rows, their labels joined as a monitor joins them.

    Here all labels have come: a prediction without one has none. Rows are never sampled.
    """
    found = _joined(plan, segmenter, batches) if plan.joined else _together(plan, segmenter, batches)
    frame = PerformanceFrame.of_rows(plan.task, found)
    counts = PerformanceCounts(plan.task, segmenter.size, frame)
    counts.update(found)
    return ModelReference(str(plan.fields), frame, counts)


def _together(plan: ModelPlan, segmenter: Segmenter, batches: Iterable[Batch]) -> Outcomes:
    parts = [outcomes(plan, batch.columns, segmenter.groups(batch.columns), len(batch)) for batch in batches]
    return _concatenated(plan, segmenter, parts)


def _joined(plan: ModelPlan, segmenter: Segmenter, batches: Iterable[Batch]) -> Outcomes:
    cohorts = Cohorts(plan, segmenter, None, bounded=False)
    for batch in batches:
        cohorts.fold(batch, 1, 0)
    end = np.iinfo(np.int64).max
    return outcomes_of(cohorts.joiner.mature(end, end // 2), plan, segmenter.size)


def _concatenated(plan: ModelPlan, segmenter: Segmenter, parts: list[Outcomes]) -> Outcomes:
    """Return the rows of all parts below each other; of none it is no rows."""
    if not parts:
        columns = len(plan.task.scored)
        nothing = np.zeros((0, columns)) if columns > 1 else np.zeros(0)
        empty = np.zeros(0) if plan.task.kind == "regression" else np.zeros(0, np.int64)
        none = tuple(np.zeros(0, np.int32) for _ in segmenter.dimensions)
        return Outcomes(empty, empty, nothing, Groups(segmenter.size, none))
    codes = zip(*(part.groups.codes for part in parts), strict=True)
    groups = Groups(segmenter.size, tuple(np.concatenate(each) for each in codes))
    label = None if parts[0].label is None else np.concatenate([np.asarray(part.label) for part in parts])
    p = None if parts[0].probability is None else np.concatenate([np.asarray(part.probability) for part in parts])
    return Outcomes(np.concatenate([part.predicted for part in parts]), label, p, groups)
