"""A value must be found among the keys of another topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.keys import key_hashes, known_keys
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.errors import StoreError
from monitor.hashing import HashArray
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

_BYTES_PER_KEY = 16


class ForeignKeySpec(Spec):
    """Fails a value that has not come as the key of another topic's row before: an order of a customer nobody knows.

    Both topics are among `source.topics`; the one with the keys has to be read from its beginning (`start: earliest`).
    """

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"number", "integer", "category", "text"})
    example: ClassVar[str] = """
        source: {kind: kafka, topics: [orders, customers], group_id: driftline-orders, start: earliest}
        fields:
          customer_id: {type: category}
          id: {type: category}
        checks:
          - {kind: foreign_key, field: customer_id, topic: customers, key: id, max_failure_ratio: 0.001}
    """

    kind: Literal["foreign_key"] = "foreign_key"
    field: CheckedField
    topic: str = Field(min_length=1, description="the topic that has the keys; its own rows are not judged")
    key: str = Field(min_length=1, description="the field that holds the key there, of the same type")
    max_keys: int = Field(
        default=1_000_000,
        ge=1,
        le=50_000_000,
        description="keys that are kept; once there are more, no row is evaluated any more",
    )
    name: CheckName = Field(default_factory=named("foreign_key"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @property
    def memory_bytes(self) -> int:
        """What the check takes in memory at most: 8 bytes a key, and as much again while keys are added."""
        return self.max_keys * _BYTES_PER_KEY

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield that the key is not configured, or is of another family of types than the field."""
        problem = unfitting(self.kind, "key", self.key, fields, self.field_types)
        if problem is not None:
            yield problem
        elif _is_number(fields[self.key]) != _is_number(fields[self.field]):
            message = f"{self.key} is of type {fields[self.key]}, and {self.field} of type {fields[self.field]}"
            yield Misfit("key", message, "give both the same type")

    def build(self) -> ForeignKey:
        """Return the check, which knows no key yet."""
        return ForeignKey(self)


class ForeignKey:
    """Evaluates usable values of rows of other topics, and fails those that are not among the keys so far.

    It has memory, so the monitor owns one. Keys are 64-bit hashes, kept sorted: of n keys a value that is none passes
    with a chance of n/2^64. A key that comes after its row was too late, however shortly: `max_failure_ratio` has to
    allow for what the topics' race makes of them. Keys are never forgotten; tombstones do not take them away.
    """

    chance_ratio = 0.0

    def __init__(self, spec: ForeignKeySpec) -> None:
        """Start without keys."""
        self.spec = spec
        self._keys: HashArray = np.zeros(0, np.uint64)
        self.overflown = False

    def __len__(self) -> int:
        """Return the number of keys."""
        return self._keys.size

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows; of the keys' own topic none is evaluated."""
        none: MaskArray = np.zeros(len(batch), np.bool_)
        if batch.partition.topic == self.spec.topic:
            columns = [batch.columns[self.spec.key]]
            self._learn(key_hashes(columns)[known_keys(columns)])
            return none, none
        if self.overflown:
            return none, none
        columns = [batch.columns[self.spec.field]]
        evaluated = known_keys(columns)
        hashes = key_hashes(columns)
        if not self._keys.size:
            return evaluated, evaluated
        places = np.minimum(np.searchsorted(self._keys, hashes), self._keys.size - 1)
        return evaluated & (self._keys[places] != hashes), evaluated

    def _learn(self, hashes: HashArray) -> None:
        """Add keys, unless there are more than may be kept, from when on membership is not known any more."""
        fresh = np.setdiff1d(hashes, self._keys)
        if fresh.size and not self.overflown:
            self.overflown = self._keys.size + fresh.size > self.spec.max_keys
            if not self.overflown:
                self._keys = np.insert(self._keys, np.searchsorted(self._keys, fresh), fresh)

    def state(self) -> State:
        """Return everything needed to go on; the array is its own."""
        return {"keys": self._keys, "overflown": self.overflown}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, unchanged, when it does not fit."""
        keys = state.get("keys")
        if not isinstance(keys, np.ndarray) or not self._sound(keys):
            raise StoreError(f"stored keys of the check {self.spec.name} are damaged; reset the checkpoint")
        self._keys, self.overflown = keys.copy(), bool(state.get("overflown"))

    def _sound(self, keys: NDArray[Any]) -> bool:
        """Return whether an array can be the keys: ascending hashes, no more than may be kept."""
        return (
            keys.dtype == np.uint64
            and keys.ndim == 1
            and keys.size <= self.spec.max_keys
            and bool((keys[1:] > keys[:-1]).all())
        )


def _is_number(kind: FieldType) -> bool:
    return kind in ("number", "integer")
