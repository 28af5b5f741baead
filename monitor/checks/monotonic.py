"""A field must not go back (or on) from one row of a key to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field

from monitor.checks.fitting import Misfit
from monitor.checks.last_values import BYTES_PER_KEY
from monitor.checks.naming import CheckName, MaxFailureRatio, named
from monitor.checks.predecessors import By, MaxKeys, Predecessors, misfits_of, without_repeats
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

Direction = Literal["increasing", "strictly_increasing", "decreasing", "strictly_decreasing"]
_HOLDS: Mapping[Direction, Callable[[Any, Any], Any]] = {
    "increasing": np.greater_equal,
    "strictly_increasing": np.greater,
    "decreasing": np.less_equal,
    "strictly_decreasing": np.less,
}


class MonotonicSpec(Spec):
    """Fails a row whose value is out of order with that of the row before, by key."""

    example: ClassVar[str] = """
        fields:
          odometer_km: {type: number}
        checks:
          - {kind: monotonic, field: odometer_km}
    """

    kind: Literal["monotonic"] = "monotonic"
    field: str
    by: Annotated[By, AfterValidator(without_repeats)] = Field(
        default=None, description="the fields that name whose rows are compared; none: all of a partition"
    )
    direction: Direction = Field(default="increasing", description="which way the values of a key must go")
    max_keys: MaxKeys = 100_000
    name: CheckName = Field(default_factory=named("monotonic"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Literal["warning", "critical"] = "warning"

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"number", "integer"})

    @property
    def memory_bytes(self) -> int:
        """What the check takes in memory at most."""
        return self.max_keys * BYTES_PER_KEY

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield the `by` fields that are not among the fields."""
        return misfits_of(self.kind, self.by, fields)

    def build(self) -> Monotonic:
        """Return the check, which remembers nothing yet."""
        return Monotonic(self)


class Monotonic:
    """Fails a row unless its value is above (below) that of the row before with the same key, or equal.

    Evaluates the rows that have one before them: not the first of a key. The row before is the last one read,
    whether it failed or not, so one value out of line fails once or twice, not for ever.
    """

    chance_ratio = 0.0

    def __init__(self, spec: MonotonicSpec) -> None:
        """Start with nothing seen."""
        self.spec = spec
        self.rows = Predecessors(spec.field, spec.by, spec.max_keys)

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows, and remember the last value of each key."""
        values, previous, evaluated = self.rows.of(batch)
        return evaluated & ~_HOLDS[self.spec.direction](values, previous), evaluated

    def state(self) -> State:
        """Return everything needed to go on; arrays are its own memory."""
        return self.rows.table.state()

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, unchanged, when it does not fit."""
        self.rows.table.load(state)
