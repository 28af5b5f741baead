"""A record must not come twice within a horizon of event time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from monitor.checks.bloom import RotatingBloom
from monitor.checks.bloom_geometry import BloomGeometry
from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.keys import key_hashes, known_keys
from monitor.checks.naming import CheckName, MaxFailureRatio, Severity
from monitor.checks.ratio import corrected_ratio
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.spec import Bytes, DurationMs, Spec
from monitor.types import SCALARS, Batch, FieldType, FloatArray, MaskArray


class DuplicatesSpec(Spec):
    """Fails a row whose key, one or more fields or the record's bytes, came before within the horizon."""

    example: ClassVar[str] = """
        fields:
          order_id: {type: text}
        checks:
          - {kind: duplicates, key: [order_id], horizon: 1h}
    """

    kind: Literal["duplicates"] = "duplicates"
    name: CheckName = "duplicates"
    key: Literal["record"] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="the fields that together name a row, or `record` for the bytes of the whole record"
    )
    horizon: DurationMs = Field(
        default=3_600_000, ge=1_000, description="event time within which a key must not come again"
    )
    capacity: int = Field(
        default=1_000_000, ge=1, description="keys expected in a horizon; with more, chance hits get likelier"
    )
    false_positive_ratio: float = Field(
        default=1e-6, ge=1e-9, le=0.01, description="chance that a new key is taken for a known one, at capacity"
    )
    max_bytes: Bytes = Field(default=64 << 20, ge=1 << 16, description="memory that the filter may take")
    max_failure_ratio: MaxFailureRatio = 0.001
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.key != "record" and len(set(self.key)) < len(self.key):
            raise ValueError("key names a field twice; leave one out")
        if self.false_positive_ratio >= self.max_failure_ratio:
            raise ValueError(
                f"max_failure_ratio {self.max_failure_ratio:g} is not above false_positive_ratio "
                f"{self.false_positive_ratio:g}, so chance alone would fail; raise the first or lower the second"
            )
        self.geometry()
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that must be decoded; none where the key is the record."""
        return () if self.key == "record" else self.key

    @property
    def field(self) -> str:
        """No one field: a key may have several, or be the record."""
        return ""

    @property
    def hashes_records(self) -> bool:
        """Whether batches must bring the hashes of whole records."""
        return self.key == "record"

    @property
    def memory_bytes(self) -> int:
        """What the check takes in memory at most."""
        return self.geometry().filter_bytes

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield the key fields that are not among the fields, or vectors."""
        for path in self.fields:
            problem = unfitting(self.kind, "key", path, fields, SCALARS)
            if problem is not None:
                yield problem

    def geometry(self) -> BloomGeometry:
        """Return the shape of the filter; raises ValueError when it would take more than `max_bytes`."""
        return BloomGeometry.fit(
            horizon_ms=self.horizon,
            capacity=self.capacity,
            false_positive_ratio=self.false_positive_ratio,
            max_bytes=self.max_bytes,
        )

    def build(self) -> Duplicates:
        """Return the check, which remembers nothing yet."""
        return Duplicates(self)


class Duplicates:
    """Fails the second and every further row with the same key within the horizon; the first is not a duplicate.

    It has memory, so the monitor owns one, every batch of every partition is shown to it exactly once, in the
    order in which they are read, and its state is checkpointed with the offsets. Rows are evaluated that have
    at least one usable key field and none whose value is unknown: of a wrong type, or a number of 2^53 and
    above, where float64 no longer tells neighbours apart. In a key null equals absent, and NaN equals NaN.

    Guarantee: no duplicate within the horizon is missed, and a row that is none fails with a chance of at most
    `filter.geometry.false_positive_bound`, never within a batch. The horizon runs on the largest event time of
    all rows so far: what comes up to D behind that is remembered for at least horizon - D.
    """

    def __init__(self, spec: DuplicatesSpec) -> None:
        """Start with an empty filter."""
        self.spec = spec
        self.filter = RotatingBloom(spec.geometry())

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows, and remember the latter.

        Raises KeyError when no column is a key field's, ValueError when the batch lacks the records' hashes.
        """
        if self.spec.key == "record":
            if batch.record_hashes is None:
                raise ValueError("the key is the record, and its bytes were not hashed when it was decoded")
            hashes, evaluated = batch.record_hashes, np.ones(len(batch), np.bool_)
        else:
            columns = [batch.columns[path] for path in self.spec.key]
            hashes, evaluated = key_hashes(columns), known_keys(columns)
        if evaluated.all():
            return self.filter.observe(hashes, batch.event_times_ms), evaluated
        failed = np.zeros(len(batch), np.bool_)
        failed[evaluated] = self.filter.observe(hashes[evaluated], batch.event_times_ms[evaluated])
        return failed, evaluated

    @property
    def chance_ratio(self) -> float:
        """The filter's `false_positive_ratio` as it is now."""
        return self.filter.false_positive_ratio

    def corrected_ratio(self, failures: ArrayLike, rows: ArrayLike) -> FloatArray:
        """Return the share of duplicates without those found by chance; NaN where no row was evaluated.

        (observed - p) / (1 - p), not below 0, with p the filter's `false_positive_ratio` as it is now. The
        observed share is never below the true one and is expected to be at most (1 - true) · p above it.
        """
        rows = np.asarray(rows, np.float64)
        observed = np.divide(failures, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
        return corrected_ratio(observed, self.chance_ratio)

    def merge(self, other: Duplicates) -> None:
        """Take the other's keys in; raises ValueError where the Specs differ."""
        if other.spec != self.spec:
            raise ValueError("duplicates checks of different Specs do not merge")
        self.filter.merge(other.filter)

    def state(self) -> State:
        """Return everything needed to go on: the key and the filter, whose words are its own."""
        return {"key": self._key, "filter": self.filter.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, unchanged, when it does not fit."""
        if state.get("key") != self._key or "filter" not in state:
            raise StoreError(f"stored state of the check {self.spec.name} has another key; reset the checkpoint")
        self.filter.load(state["filter"])

    @property
    def _key(self) -> list[str] | str:
        return self.spec.key if self.spec.key == "record" else list(self.spec.key)
