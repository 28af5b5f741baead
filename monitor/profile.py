"""The profile: all accumulators of one pane or window, with every segment on their leading axis."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from monitor.accumulators import AccumulatorSpec, Frame
from monitor.accumulators.grouping import grouped_counts
from monitor.errors import StoreError
from monitor.protocols import Accumulator, Check, State
from monitor.types import Batch, Column, Groups, IntArray, MaskArray


@dataclass(frozen=True)
class ProfilePlan:
    """What a profile accumulates: Specs, the baseline's frames by field, groups and row checks."""

    specs: tuple[AccumulatorSpec, ...]
    frames: Mapping[str, Frame] = field(default_factory=dict)
    labels: tuple[str, ...] = ("",)
    checks: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The identity of each Spec's state: Spec, frame and segments; equal keys can be continued."""
        return tuple(_key(spec.model_dump_json(), self._frame_id(spec), *self.labels) for spec in self.specs)

    @cached_property
    def checks_key(self) -> str:
        """The identity of the check counts."""
        return _key("checks", *self.checks, "/", *self.labels)

    def _frame_id(self, spec: AccumulatorSpec) -> str:
        frame = self.frames.get(spec.field)
        return frame.digest if frame is not None else ""

    def empty(self) -> Profile:
        """Return a profile without rows."""
        size = len(self.labels)
        built = {spec: spec.build(self.frames.get(spec.field), size) for spec in self.specs}
        return Profile(self, built, np.zeros((len(self.checks), size, 2), np.int64), np.zeros(size, np.int64))

    def load(self, state: State) -> Profile:
        """Return the profile that `state` describes.

        What the state does not hold, or holds for another Spec, frame or segmentation, starts empty and is
        listed in `incomplete`: its verdict over this pane is unknown. Raises StoreError on damage.
        """
        profile = self.empty()
        stored = state.get("accumulators", {})
        for key, (spec, accumulator) in zip(self.keys, profile.accumulators.items(), strict=True):
            if key in stored:
                accumulator.load(stored[key])
            else:
                profile.incomplete.add(spec)
        checks = state.get("checks", {}).get(self.checks_key)
        if checks is not None:
            profile.checks = _array(checks, profile.checks)
        elif self.checks:
            profile.checks_complete = False
        rows = np.asarray(state.get("rows", profile.rows), np.int64)
        profile.rows = rows.copy() if rows.shape == profile.rows.shape else profile.rows
        profile.rows[0] = int(rows.flat[0]) if rows.size else 0
        return profile


class Profile:
    """Accumulators by Spec, row check counts (checks x groups x [failures, evaluated]) and rows per group."""

    def __init__(
        self, plan: ProfilePlan, accumulators: dict[AccumulatorSpec, Accumulator], checks: IntArray, rows: IntArray
    ) -> None:
        """Take what `plan.empty` built."""
        self._plan = plan
        self.accumulators = accumulators
        self.checks = checks
        self.rows = rows
        self.incomplete: set[AccumulatorSpec] = set()
        self.checks_complete = True

    def update(
        self, columns: Mapping[str, Column], groups: Groups, checks: Sequence[tuple[MaskArray, MaskArray]], n: int
    ) -> None:
        """Fold `n` rows in: their columns, groups and the (failed, evaluated) masks of each row check."""
        for spec, accumulator in self.accumulators.items():
            accumulator.update(columns[spec.field], groups)
        for counts, (failed, evaluated) in zip(self.checks, checks, strict=True):
            if failed.any():
                counts[:, 0] += grouped_counts(failed.astype(np.int64), 2, groups)[:, 1]
            counts[:, 1] += grouped_counts(evaluated.astype(np.int64), 2, groups)[:, 1]
        self.rows += grouped_counts(np.zeros(n, np.int64), 1, groups)[:, 0]

    def merge(self, other: Profile) -> None:
        """Fold another profile of the same plan in; call in the order topic, partition, pane."""
        for spec, accumulator in self.accumulators.items():
            accumulator.merge(other.accumulators[spec])
        self.checks += other.checks
        self.rows += other.rows
        self.incomplete |= other.incomplete
        self.checks_complete &= other.checks_complete

    def state(self) -> State:
        """Return everything needed to continue, keyed so that another plan takes what it can."""
        plan = self._plan
        items = zip(plan.keys, self.accumulators.items(), strict=True)
        return {
            "accumulators": {key: acc.state() for key, (spec, acc) in items if spec not in self.incomplete},
            "checks": {plan.checks_key: self.checks.copy()} if self.checks_complete else {},
            "rows": self.rows.copy(),
        }


def evaluate(checks: Sequence[Check], batch: Batch) -> list[tuple[MaskArray, MaskArray]]:
    """Return the (failed, evaluated) masks of each row check over a batch."""
    return [check.failures(batch) for check in checks]


def _key(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()


def _array(value: Any, like: IntArray) -> IntArray:
    array = np.array(value, np.int64)
    if array.shape != like.shape:
        raise StoreError("stored check counts do not fit; reset the checkpoint")
    return array
