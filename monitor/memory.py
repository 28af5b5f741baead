"""The row checks of one engine: those with memory are its own, and are shown every row once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.field_paths import types_named
from monitor.hashing import hash_strings
from monitor.protocols import Check, MemoryCheck, State
from monitor.types import Batch, Fetch, IntArray, MaskArray, TopicPartition

JUDGING = {
    "max_failure_ratio",
    "max_unmatched_ratio",
    "max_different_ratio",
    "max_median_skew",
    "min_rows",
    "min_alpha",
    "judge_by",
    "confidence",
    "resamples",
    "min_units",
    "max_classes",
    "severity",
}
"""What may change in a Spec without making what is remembered worthless."""


class SpecifiedCheck(Check, Protocol):
    """A row check that says what it was configured with."""

    @property
    def spec(self) -> Any:
        """What it was configured with."""
        ...


class Pairing(Protocol):
    """What pairs rows of two streams: it is shown every row once, before all of their partners are there."""

    @property
    def spec(self) -> Any:
        """What its memory is of."""
        ...

    def fold(self, batch: Batch, pane_ms: int, lateness_ms: int) -> None:
        """Take the rows of a batch."""
        ...

    def settle(self, watermark_ms: int, pane_ms: int) -> None:
        """Give up the rows whose partner cannot come any more."""
        ...

    def forget(self, before_ms: int) -> None:
        """Forget what no window needs."""
        ...

    def state(self) -> State:
        """Return everything needed to continue."""
        ...

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        ...


class CheckMemory:
    """Evaluates the row checks of a plan; a check with memory is built anew, since a plan is shared.

    `seen_until` says of the partitions that were given up how far the checks have seen them: rows that are
    read again from an older offset are not shown twice, and are not evaluated by these checks.
    """

    def __init__(
        self,
        checks: Sequence[SpecifiedCheck],
        pairing: Sequence[Pairing] = (),
        pane_ms: int = 1,
        types: Mapping[str, str] = MappingProxyType({}),
        lateness_ms: int = 0,
    ) -> None:
        """Start with nothing seen; checks that pair rows are those given, not built anew; `types` are the fields'."""
        self._checks: tuple[Check, ...] = tuple(c.spec.build() if isinstance(c, MemoryCheck) else c for c in checks)
        # Asked once: whether something is of a protocol reads all its properties, and `chance_ratio` is not cheap.
        self._by_number = {number: c for number, c in enumerate(self._checks) if isinstance(c, MemoryCheck)}
        self._pairing, self._pane_ms, self._lateness_ms = pairing, pane_ms, lateness_ms
        remembering: list[MemoryCheck | Pairing] = [*self._by_number.values(), *pairing]
        self._remembering = {memory_key(check, types): check for check in remembering}
        self._hashes_records = any(hashes_records(c.spec) for c in checks)
        self.seen_until: dict[TopicPartition, int] = {}

    def evaluate(self, fetch: Fetch, batch: Batch) -> list[tuple[MaskArray, MaskArray]]:
        """Return the (failed, evaluated) masks of each row check over the rows of a fetch, late ones too."""
        if not self._remembering:
            return [check.failures(batch) for check in self._checks]
        if self._hashes_records:
            batch = with_record_hashes(fetch, batch)
        fresh = self._fresh(fetch, batch)
        for pairs in self._pairing:
            pairs.fold(batch if fresh is None else batch.take(fresh), self._pane_ms, self._lateness_ms)
        return [
            check.failures(batch)
            if fresh is None or number not in self._by_number
            else _on_rows(self._by_number[number], batch, fresh)
            for number, check in enumerate(self._checks)
        ]

    @property
    def forgotten(self) -> dict[str, int]:
        """How many rows the checks forgot within their horizon since the store began, by the check's name."""
        found: dict[str, Any] = {}
        for check in self._by_number.values():
            if (rows := getattr(check, "forgotten_rows", None)) is not None:
                found[check.spec.name] = rows
        return found

    def leave(self, partition: TopicPartition, next_offset: int) -> None:
        """Note how far a partition was seen that is given up; it may be read again from an older offset."""
        if self._remembering:
            self.seen_until[partition] = max(next_offset, self.seen_until.get(partition, 0))

    def begin_anew(self, partition: TopicPartition) -> None:
        """Forget how far a partition was seen: its offsets are of another log now."""
        self.seen_until.pop(partition, None)

    def settle(self, watermark_ms: int) -> None:
        """Let the checks that pair rows give up those whose partner cannot come any more."""
        for pairs in self._pairing:
            pairs.settle(watermark_ms, self._pane_ms)

    def forget(self, before_ms: int) -> None:
        """Let the checks that pair rows forget the panes that no window needs."""
        for pairs in self._pairing:
            pairs.forget(before_ms)

    def chances(self) -> list[float]:
        """Return for each row check the chance that a sound row now fails it, 0 without memory; empty: none has any."""
        if not self._by_number:
            return []
        remembering = self._by_number
        return [remembering[i].chance_ratio if i in remembering else 0.0 for i in range(len(self._checks))]

    def states(self) -> dict[str, State]:
        """Return what each check remembers; arrays are its own memory, to be read before the next batch."""
        return {key: check.state() for key, check in self._remembering.items()}

    def load(self, states: Mapping[str, State]) -> None:
        """Continue from `states`; a check that has none starts empty. Raises StoreError on damage."""
        for key, check in self._remembering.items():
            if key in states:
                check.load(states[key])

    def marks(self) -> list[list[Any]]:
        """Return `seen_until` as JSON-able values."""
        return [[*partition, offset] for partition, offset in sorted(self.seen_until.items())]

    def load_marks(self, marks: Sequence[Sequence[Any]]) -> None:
        """Continue from what `marks` returned; raises StoreError where it is something else."""
        try:
            self.seen_until = {TopicPartition(str(t), int(p)): int(offset) for t, p, offset in marks}
        except DAMAGE as error:
            raise StoreError(f"stored marks of the checks are damaged ({error}); reset the checkpoint") from error

    def _fresh(self, fetch: Fetch, batch: Batch) -> IntArray | None:
        """Return the rows that were not seen before; None when that is all of them."""
        mark = self.seen_until.get(fetch.partition)
        if mark is None:
            return None
        if fetch.next_offset >= mark:
            del self.seen_until[fetch.partition]
        fresh = np.flatnonzero(batch.offsets >= mark)
        return None if fresh.size == len(batch) else fresh


def with_record_hashes(fetch: Fetch, batch: Batch) -> Batch:
    """Return the rows of a fetch with the hash of each one's record value."""
    rows = np.searchsorted(fetch.offsets, batch.offsets)
    values = fetch.values if rows.size == len(fetch) else fetch.values.take(rows)
    return replace(batch, record_hashes=hash_strings(values))


def hashes_records(spec: Any) -> bool:
    """Return whether a check's Spec asks for the hashes of whole records."""
    return bool(getattr(spec, "hashes_records", False))


def memory_key(check: Any, types: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the identity of what a check remembers: its Spec without what is only read when it is judged, and types.

    Those of the fields that it may be about, out of `types`.
    """
    text = type(check.spec).__name__ + check.spec.model_dump_json(exclude=JUDGING)
    return hashlib.blake2b("\n".join((text, *types_named(text, types))).encode(), digest_size=12).hexdigest()


def _on_rows(check: MemoryCheck, batch: Batch, rows: IntArray) -> tuple[MaskArray, MaskArray]:
    """Return the masks of the whole batch from those of `rows`; the others are not evaluated."""
    failed, evaluated = np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_)
    if rows.size:
        failed[rows], evaluated[rows] = check.failures(batch.take(rows))
    return failed, evaluated
