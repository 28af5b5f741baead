"""A text or an embedding must not come almost the same again within a horizon of event time."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.near_texts import NearTexts, text_bytes
from monitor.checks.near_vectors import NearVectors, vector_bytes
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.spec import DurationMs, Spec
from monitor.types import Batch, FieldType, MaskArray

_TEXTS = 100_000
_VECTORS = 5_000
_VECTORS_KEY, _TEXTS_KEY = "vectors", "texts"


class NearDuplicatesSpec(Spec):
    """Fails a row whose text or vector is much like one that came before within the horizon."""

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"text", "category", "vector"})
    example: ClassVar[str] = """
        fields:
          note: {type: text}
        checks:
          - {kind: near_duplicates, field: note, similarity: 0.8, horizon: 1h, max_failure_ratio: 0.05}
    """

    kind: Literal["near_duplicates"] = "near_duplicates"
    field: CheckedField
    name: CheckName = Field(default_factory=named("near_duplicates"))
    similarity: float = Field(
        default=0.8,
        ge=0.5,
        le=1,
        description="from here on two are alike: Jaccard similarity of texts' word runs, cosine of vectors",
    )
    horizon: DurationMs = Field(default=3_600_000, ge=1_000, description="event time within which rows are compared")
    capacity: int | None = Field(
        default=None,
        ge=100,
        le=10_000_000,
        description="rows remembered, the last ones; null: 100,000 texts, 5,000 vectors",
    )
    run: int = Field(default=3, ge=1, le=10, description="words in the runs that texts are compared by")
    max_chars: int = Field(default=4_096, ge=64, le=1 << 20, description="so many characters of a text are looked at")
    max_failure_ratio: MaxFailureRatio = 0.01
    severity: Severity = "warning"

    @property
    def memory_bytes(self) -> int:
        """What the check takes in memory at most, of texts; of vectors it is `vector_bytes`."""
        return text_bytes(self.similarity, self.capacity or _TEXTS)

    def vector_bytes(self, dimension: int) -> int:
        """Return what the check takes in memory at most, of vectors."""
        return vector_bytes(self.capacity or _VECTORS, dimension)

    def build(self) -> NearDuplicates:
        """Return the check, which remembers nothing yet."""
        return NearDuplicates(self)


class NearDuplicates:
    """Fails the second and every further row that is like one before; the first is not a duplicate.

    It has memory, so the monitor owns one, every batch of every partition is shown to it exactly once, in the order in
    which they are read, and its state is checkpointed with the offsets. Texts without a word and vectors of length 0
    are not evaluated. The horizon runs on the largest event time of all rows so far. What is promised of texts is in
    `NearTexts`, of vectors in `NearVectors`.
    """

    def __init__(self, spec: NearDuplicatesSpec) -> None:
        """Start with an empty memory, which takes shape with the first rows."""
        self.spec = spec
        self._near: NearTexts | NearVectors | None = None

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows, and remember the latter.

        Raises KeyError when no column is that field's, TypeError when its values are numbers.
        """
        column = batch.columns[self.spec.field]
        if isinstance(column.values, np.ndarray) and column.values.ndim != 2:
            raise TypeError(f"{self.spec.field} is a number field, and numbers are not compared for likeness")
        dimension = column.values.shape[1] if isinstance(column.values, np.ndarray) else None
        failed, evaluated = np.zeros(len(column), np.bool_), np.zeros(len(column), np.bool_)
        if column.ok.any():
            if self._near is None:
                self._near = self._memory(dimension)
            rows = np.flatnonzero(column.ok)
            failed[rows], evaluated[rows] = self._near.observe(column.valid, batch.event_times_ms[rows])
        return failed, evaluated

    @property
    def chance_ratio(self) -> float:
        """Nothing: how likely a sound row fails depends on how like it others are."""
        return 0.0

    @property
    def forgotten_rows(self) -> int:
        """How many rows were forgotten within the horizon, as more came than `capacity`: likeness to them is missed."""
        return 0 if self._near is None else self._near.forgotten

    def state(self) -> State:
        """Return everything needed to go on; the arrays are the memory's own."""
        if self._near is None:
            return {"of": None}
        if isinstance(self._near, NearVectors):
            return {"of": _VECTORS_KEY, "dimension": self._near.dimension, "near": self._near.state()}
        return {"of": _TEXTS_KEY, "dimension": None, "near": self._near.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, unchanged, when it does not fit."""
        try:
            of = state["of"]
            dimension = None if of != _VECTORS_KEY else int(state["dimension"])
            if of is None:
                self._near = None
                return
            near, stored = self._memory(dimension), state["near"]
        except DAMAGE as error:
            raise StoreError(f"what {self.spec.name} remembered is damaged ({error}); reset the checkpoint") from error
        near.load(stored)
        self._near = near

    def _memory(self, dimension: int | None) -> NearTexts | NearVectors:
        spec = self.spec
        if dimension is not None:
            return NearVectors(spec.similarity, spec.horizon, spec.capacity or _VECTORS, dimension)
        return NearTexts(spec.similarity, spec.horizon, spec.capacity or _TEXTS, spec.run, spec.max_chars)
