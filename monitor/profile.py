"""The profile: all accumulators of one pane or window, with every segment on their leading axis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from monitor.accumulators import AccumulatorSpec, Frame, GroupFrame
from monitor.accumulators.fitting import stored_array
from monitor.accumulators.grouping import group_sizes
from monitor.accumulators.row_sample import tags_of
from monitor.errors import DAMAGE, StoreError
from monitor.field_paths import is_configured, types_named
from monitor.pending import Pending, Rows
from monitor.protocols import State
from monitor.types import Column, Groups, IntArray, MaskArray, Place, TopicPartition

ENOUGH_ROWS = 16_384
"""So many rows are folded at once: what a fold costs whatever the rows is then small beside the rest of it."""
SAMPLES = 5
"""So many places of failing rows are remembered for each row check and pane, and shown for a window."""
_MAX_UNKNOWN_FIELDS = 100


@dataclass(frozen=True)
class ProfilePlan:
    """What a profile accumulates: Specs, the baseline's frames by field or name, groups and row checks (as JSON).

    `types` are those of the fields: what was counted of a field of another type is not continued.
    """

    specs: tuple[AccumulatorSpec, ...]
    frames: Mapping[str, Frame | GroupFrame] = field(default_factory=dict)
    labels: tuple[str, ...] = ("",)
    checks: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The identity of each Spec's state: Spec, types, frame and segments; equal keys can be continued."""
        texts = [(spec.model_dump_json(), self._frame_id(spec)) for spec in self.specs]
        return tuple(_key(text, frame, *self.labels, *types_named(text, self.types)) for text, frame in texts)

    @cached_property
    def check_keys(self) -> tuple[str, ...]:
        """The identity of each row check's counts: its whole Spec, the types and the segments."""
        return tuple(_key("check", check, *self.labels, *types_named(check, self.types)) for check in self.checks)

    @cached_property
    def reads(self) -> tuple[str | tuple[str, ...], ...]:
        """What the accumulator of each Spec is updated with: the column of its field, or those of its fields."""
        specs: tuple[Any, ...] = self.specs
        return tuple(getattr(spec, "fields", None) or spec.field for spec in specs)

    @cached_property
    def _derived(self) -> tuple[tuple[str, str], ...]:
        """What the accumulators ask the columns for: fields, and the names of what is made once of each."""
        specs: tuple[Any, ...] = self.specs
        wanted = {
            (path, name): None for spec in specs for name in getattr(spec, "derived", ()) for path in _paths(spec)
        }
        # Codes first: of strings that have them only the different ones are hashed.
        return tuple(sorted(wanted, key=lambda item: item[1] != "encoded"))

    def derive(self, columns: Mapping[str, Column]) -> None:
        """Make of the columns what the accumulators will ask them for, whatever they hold already.

        It is kept with the columns, so another thread than the one that folds can do this part of the work.
        """
        for path, name in self._derived:
            getattr(columns[path], name)

    def _frame_id(self, spec: AccumulatorSpec) -> str:
        """Return the digest of the frame that the accumulator counts on, empty where it needs none."""
        frame: Frame | GroupFrame | None = getattr(self._build(spec, 1), "frame", None)
        return frame.digest if frame is not None else ""

    def _build(self, spec: AccumulatorSpec, groups: int) -> Any:
        frame: Any = self.frames.get(frame_key(spec))
        return spec.build(frame, groups)

    def empty(self) -> Profile:
        """Return a profile without rows."""
        size = len(self.labels)
        built: dict[AccumulatorSpec, Any] = {spec: self._build(spec, size) for spec in self.specs}
        return Profile(self, built, np.zeros((len(self.checks), size, 2), np.int64))

    def load(self, state: State) -> Profile:
        """Return the profile that `state` describes.

        What the state does not hold, or holds for another Spec, frame or segmentation, starts empty and is
        listed in `incomplete`: its verdict over this pane is unknown. Raises StoreError on damage.
        """
        try:
            return self._loaded(state)
        except DAMAGE as error:
            raise StoreError(f"a stored pane is damaged ({error}); reset the checkpoint") from error

    def _loaded(self, state: State) -> Profile:
        profile = self.empty()
        stored = state.get("accumulators", {})
        for key, (spec, accumulator) in zip(self.keys, profile.accumulators.items(), strict=True):
            if key in stored:
                accumulator.load(stored[key])
            else:
                profile.incomplete.add(spec)
        checks = state.get("checks", {})
        for number, key in enumerate(self.check_keys):
            if key in checks:
                profile.checks[number] = stored_array(checks, key, profile.checks[number])
            else:
                profile.incomplete_checks.add(number)
        profile.rows = int(state.get("rows", 0))
        profile.late_rows = int(state.get("late_rows", 0))
        unknown = {str(name): _place(place) for name, place in state.get("unknown_fields", {}).items()}
        profile.unknown_fields = {name: at for name, at in unknown.items() if not is_configured(name, self.types)}
        for number, key in enumerate(self.check_keys):
            profile.samples[number][:] = [_place(place) for place in state.get("samples", {}).get(key, ())]
        return profile


class Profile:
    """Accumulators by Spec, row check counts (checks x groups x [failures, evaluated]) and the number of rows.

    `late_rows` came, too late for their own panes, while this one was their partition's newest; `unknown_fields` are
    names that no configured path begins with, at most 100, and where each was seen first; `samples` the first places
    of rows that failed each row check, at most 5 a check and pane.

    What began before a change of the configuration is `incomplete`, by Spec or by the number of the check.
    """

    def __init__(self, plan: ProfilePlan, accumulators: dict[AccumulatorSpec, Any], checks: IntArray) -> None:
        """Take what `plan.empty` built."""
        self._plan = plan
        self._accumulators = accumulators
        self._checks = checks
        self._pending = Pending()
        self.rows = 0
        self.late_rows = 0
        self.unknown_fields: dict[str, Place] = {}
        self._samples: list[list[Place]] = [[] for _ in range(len(checks))]
        self.incomplete: set[AccumulatorSpec] = set()
        self.incomplete_checks: set[int] = set()

    @property
    def accumulators(self) -> dict[AccumulatorSpec, Any]:
        """What all rows so far were folded into."""
        self.settle()
        return self._accumulators

    @property
    def checks(self) -> IntArray:
        """Failures and evaluations of all rows so far."""
        self.settle()
        return self._checks

    @property
    def samples(self) -> list[list[Place]]:
        """The first places of rows that failed each check."""
        self.settle()
        return self._samples

    def update(
        self,
        columns: Mapping[str, Column],
        groups: Groups,
        checks: Sequence[tuple[MaskArray, MaskArray]],
        n: int,
        origin: tuple[TopicPartition, IntArray] | None = None,
    ) -> None:
        """Fold `n` rows in: their columns, groups and the (failed, evaluated) masks of each row check.

        `origin` is their partition and offsets: where given, the first rows that fail are remembered. Rows of a
        partition may wait for more of it to be folded together; whoever reads finds them folded. The arrays are kept.
        """
        self.rows += n
        rows = Rows(columns, groups, checks, n, origin)
        if n >= ENOUGH_ROWS or not self._pending.fits(rows):
            self.settle()  # so many rows go in as they are, with what has been derived of them
        self._pending.add(rows)
        if self._pending.rows >= ENOUGH_ROWS:
            self.settle()

    @property
    def pending_rows(self) -> int:
        """How many rows wait; each holds the memory of its columns."""
        return self._pending.rows

    def settle(self) -> None:
        """Fold all rows that wait."""
        if self._pending.rows:
            self._fold(self._pending.take())

    def _fold(self, rows: Rows) -> None:
        columns = rows.columns
        for read, (spec, accumulator) in zip(self._plan.reads, self._accumulators.items(), strict=True):
            column = columns[read] if isinstance(read, str) else tuple(columns[path] for path in read)
            if isinstance(column, tuple) and rows.origin is not None and getattr(spec, "placed", False):
                column = (*column, _tags(*rows.origin))
            accumulator.update(column, rows.groups)
        for counts, samples, (failed, evaluated) in zip(self._checks, self._samples, rows.checks, strict=True):
            if failed.any():
                counts[:, 0] += group_sizes(int(np.count_nonzero(failed)), rows.groups.take(failed))
                if rows.origin is not None and len(samples) < SAMPLES:
                    places = np.flatnonzero(failed)[: SAMPLES - len(samples)]
                    samples += [Place(*rows.origin[0], offset) for offset in rows.origin[1][places].tolist()]
            n = int(np.count_nonzero(evaluated))
            counts[:, 1] += group_sizes(n, rows.groups if n == len(evaluated) else rows.groups.take(evaluated))

    def saw(self, name: str, place: Place) -> None:
        """Take note of an unknown field, of which the first place is kept."""
        if len(self.unknown_fields) < _MAX_UNKNOWN_FIELDS:
            self.unknown_fields.setdefault(name, place)

    def merge(self, other: Profile) -> None:
        """Fold another profile of the same plan in; call in the order topic, partition, pane."""
        for spec, accumulator in self.accumulators.items():
            accumulator.merge(other.accumulators[spec])
        self.checks[...] += other.checks
        self.rows += other.rows
        self.late_rows += other.late_rows
        for name, place in other.unknown_fields.items():
            self.saw(name, place)
        for mine, theirs in zip(self.samples, other.samples, strict=True):
            mine.extend(theirs[: SAMPLES - len(mine)])
        self.incomplete |= other.incomplete
        self.incomplete_checks |= other.incomplete_checks

    def state(self) -> State:
        """Return everything needed to continue, keyed so that another plan takes what it can."""
        plan = self._plan
        items = zip(plan.keys, self.accumulators.items(), strict=True)
        state: State = {
            "accumulators": {key: acc.state() for key, (spec, acc) in items if spec not in self.incomplete},
            "checks": {
                key: self.checks[number].copy()
                for number, key in enumerate(plan.check_keys)
                if number not in self.incomplete_checks
            },
            "rows": self.rows,
        }
        samples = {key: _plain(places) for key, places in zip(plan.check_keys, self.samples, strict=True) if places}
        unknown = dict(zip(self.unknown_fields, _plain(self.unknown_fields.values()), strict=True))
        rare = {"late_rows": self.late_rows, "unknown_fields": unknown, "samples": samples}
        return state | {name: value for name, value in rare.items() if value}


def _tags(partition: TopicPartition, offsets: IntArray) -> Column:
    """Return the hashes of where rows lie as one more column, for an accumulator that chooses by them."""
    return Column(tags_of(partition, offsets).astype(np.float64), np.zeros(offsets.size, np.uint8))


def _plain(places: Iterable[Place]) -> list[list[Any]]:
    return [list(place) for place in places]


def _place(stored: Sequence[Any]) -> Place:
    """Return the place that a state describes; raises TypeError or ValueError where it does not."""
    topic, partition, offset = stored
    return Place(str(topic), int(partition), int(offset))


def _paths(spec: Any) -> Sequence[str]:
    """Return the fields that a Spec's accumulator reads."""
    paths: Sequence[str] = getattr(spec, "fields", None) or (spec.field,)
    return paths


def frame_key(spec: Any) -> str:
    """Return the name under which the frame of a Spec's accumulator is kept: its field, or its own name."""
    kind: object = type(spec)
    key: str = spec.frame_key if _is_named(kind) else spec.field
    return key


@cache
def _is_named(kind: object) -> bool:
    """Return whether Specs of this kind have a name of their own; asking pydantic for what is not there is slow."""
    return hasattr(kind, "frame_key")


def _key(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()
