"""A number must grow by one step from each row of a key to the next: no gap, no repeat, none out of order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field

from monitor.checks.fitting import Misfit
from monitor.checks.last_values import BYTES_PER_KEY
from monitor.checks.naming import CheckName, MaxFailureRatio, named
from monitor.checks.predecessors import By, MaxKeys, Predecessors, misfits_of, without_repeats
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

Fault = Literal["gap", "repeat", "out_of_order"]


class SequenceSpec(Spec):
    """Fails a row whose number is not one step above that of the row before, by key."""

    example: ClassVar[str] = """
        fields:
          sequence_number: {type: integer}
        checks:
          - {kind: sequence, field: sequence_number}
    """

    kind: Literal["sequence"] = "sequence"
    field: str
    by: Annotated[By, AfterValidator(without_repeats)] = Field(
        default=None, description="the fields that name whose rows are counted; none: all of a partition"
    )
    step: int = Field(default=1, ge=1, le=1_000_000_000, description="by which the number grows")
    faults: Annotated[tuple[Fault, ...], Field(min_length=1)] = Field(
        default=("gap", "repeat", "out_of_order"), description="what fails a row; the rest is let pass"
    )
    max_keys: MaxKeys = 100_000
    name: CheckName = Field(default_factory=named("sequence"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Literal["warning", "critical"] = "warning"

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"integer"})

    @property
    def memory_bytes(self) -> int:
        """What the check takes in memory at most."""
        return self.max_keys * BYTES_PER_KEY

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield the `by` fields that are not among the fields."""
        return misfits_of(self.kind, self.by, fields)

    def build(self) -> Sequence:
        """Return the check, which remembers nothing yet."""
        return Sequence(self)


class Sequence:
    """Fails a row by how its number stands to that of the row before with the same key, p, and the step s.

    `repeat`: equal to p; `out_of_order`: below p; `gap`: any other than p + s. Evaluates the rows that have one
    before them: not the first of a key. The row before is the last one read, whether it failed or not: a number
    that comes late is a gap, one out of order, and a gap again.
    """

    chance_ratio = 0.0

    def __init__(self, spec: SequenceSpec) -> None:
        """Start with nothing seen."""
        self.spec = spec
        self.rows = Predecessors(spec.field, spec.by, spec.max_keys)

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows, and remember the last number of each key."""
        values, previous, evaluated = self.rows.of(batch)
        ahead = values - previous
        failed = np.zeros(len(batch), np.bool_)
        if "repeat" in self.spec.faults:
            failed |= ahead == 0
        if "out_of_order" in self.spec.faults:
            failed |= ahead < 0
        if "gap" in self.spec.faults:
            failed |= (ahead > 0) & (ahead != self.spec.step)
        return failed & evaluated, evaluated

    def state(self) -> State:
        """Return everything needed to go on; arrays are its own memory."""
        return self.rows.table.state()

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, unchanged, when it does not fit."""
        self.rows.table.load(state)
