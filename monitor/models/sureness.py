"""Columns that say how sure a model says it is of each row: fields that are made of its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from monitor.models.plan import ModelPlan
from monitor.models.reading import probability
from monitor.performance import Outcomes
from monitor.performance.confidence import Sureness, sureness
from monitor.types import Batch, Column, Groups


@dataclass(frozen=True)
class SurenessColumns:
    """Makes a column `NAME.MEASURE` for each of the measures, NAME being that of the model.

    A row without usable probabilities, as one that is only the label of another, has none: it is absent. The columns
    depend on the row alone.
    """

    plan: ModelPlan
    measures: tuple[Sureness, ...]

    @property
    def names(self) -> Mapping[Sureness, str]:
        """What the fields are called, by measure."""
        return {measure: f"{self.plan.fields.name}.{measure}" for measure in self.measures}

    def made(self, batch: Batch) -> Mapping[str, Column]:
        """Return the columns by their names."""
        nothing = np.full(len(batch), -1, np.int64)
        found = sureness(self.plan.task, Outcomes(nothing, None, probability(self.plan, batch.columns), Groups()))
        return {name: found[measure] for measure, name in self.names.items()}
