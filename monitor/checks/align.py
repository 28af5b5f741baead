"""Two topics must tell the same story: rows of one have their partners in the other, in time and in value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from monitor.checks.align_counts import CELLS, AlignCounts
from monitor.checks.align_pairs import Waiting, pairs
from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.naming import CheckName
from monitor.checks.window import Finding, WindowView
from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray, hash_numbers, hash_strings, mix
from monitor.protocols import State
from monitor.spec import DurationMs, Spec
from monitor.types import SCALARS, Batch, Column, FieldType, FloatArray, Level, MaskArray

_BITS = np.uint64(12)


class AlignSpec(Spec):
    """Fails a window in which rows of two topics do not pair up by key and time, or their values differ.

    Both topics are among `source.topics` and have the configured fields. A row is decided when its partner comes, or
    when the watermark has passed its event time by `tolerance` without one; windows count what was decided in them.
    """

    example: ClassVar[str] = """
        source: {kind: kafka, topics: [orders, payments], group_id: driftline-orders}
        fields:
          order_id: {type: text}
          amount: {type: number}
        checks:
          - {kind: align, left: orders, right: payments, key: [order_id], tolerance: 5m, compare: [amount]}
    """

    kind: Literal["align"] = "align"
    name: CheckName = "align"
    left: str = Field(min_length=1, description="one topic")
    right: str = Field(min_length=1, description="the other topic")
    key: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="the fields that name a row in both topics"
    )
    tolerance: DurationMs = Field(default=60_000, ge=1, description="event time that partners may be apart")
    compare: tuple[str, ...] = Field(default=(), description="fields whose values must be equal in both rows")
    max_unmatched_ratio: float = Field(
        default=0.01, ge=0, le=1, description="share of the decided rows that may have no partner"
    )
    max_different_ratio: float = Field(
        default=0.01, ge=0, le=1, description="share of the pairs whose values may differ, for each compared field"
    )
    max_median_skew: DurationMs | None = Field(
        default=None, description="largest median of the time between partners, either way"
    )
    max_waiting: int = Field(
        default=100_000, ge=1, le=10_000_000, description="rows that may wait for a partner, of each topic"
    )
    min_rows: int = Field(default=100, ge=1, description="with fewer decided rows nothing is judged")
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.left == self.right:
            raise ValueError("left and right are the same topic; name two")
        return self

    @property
    def memory_bytes(self) -> int:
        """The most memory that the waiting rows can take."""
        return 2 * self.max_waiting * (16 + 8 * len(self.compare))

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield the key and compared fields that are not configured, or vectors."""
        for setting, paths in (("key", self.key), ("compare", self.compare)):
            for path in paths:
                problem = unfitting(self.kind, setting, path, fields, SCALARS)
                if problem is not None:
                    yield problem

    def build(self) -> Align:
        """Return the check, to which nothing was shown yet."""
        return Align(self)


class Align:
    """Pairs rows as they come; bounded by `max_waiting` rows a side, beyond which the oldest are given up.

    It has memory, so the monitor owns one, and its state is checkpointed with the offsets. Rows that lack a usable
    value in a key field are left out. Keys are compared by 64-bit hash: of n waiting rows a row finds a stranger with
    a chance of n/2^64. Numbers are compared exactly, texts by 52 bits of their hash.
    """

    def __init__(self, spec: AlignSpec) -> None:
        """Start with nobody waiting."""
        self.spec = spec
        self._waiting = {side: Waiting.none(len(spec.compare)) for side in ("left", "right")}
        self._panes: dict[int, AlignCounts] = {}

    @property
    def waiting(self) -> tuple[int, int]:
        """How many rows wait on the left and on the right."""
        return len(self._waiting["left"]), len(self._waiting["right"])

    def fold(self, batch: Batch, pane_ms: int, lateness_ms: int = 0) -> None:
        """Take the rows of a batch, if it is of one of the two topics; counts go to the pane of the later partner."""
        sides = {self.spec.left: ("left", "right"), self.spec.right: ("right", "left")}
        if batch.partition.topic not in sides or not len(batch):
            return
        side, opposite = sides[batch.partition.topic]
        self._waiting[side] = self._waiting[side].plus(self._rows(batch))
        left, right = self._waiting["left"], self._waiting["right"]
        rows, others = pairs(left, right, self.spec.tolerance)
        if rows.size:
            self._count_pairs(left.take(rows), right.take(others), pane_ms)
            self._waiting["left"], self._waiting["right"] = _without(left, rows), _without(right, others)
        self._drop(side, pane_ms)
        self._drop(opposite, pane_ms)

    def settle(self, watermark_ms: int, pane_ms: int) -> None:
        """Give up the rows that no partner can come for any more, in the pane in which that became so."""
        for side in ("left", "right"):
            rows = self._waiting[side]
            over = rows.times_ms + self.spec.tolerance < watermark_ms
            if over.any():
                panes = (rows.times_ms[over] + self.spec.tolerance) // pane_ms * pane_ms
                for start, n in zip(*(found.tolist() for found in np.unique(panes, return_counts=True)), strict=True):
                    self._alone(start, side, n)
                self._waiting[side] = rows.take(~over)

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return nothing: rows are shown to it one batch at a time."""
        return ()

    def judge(self, view: WindowView) -> list[Finding]:
        """Return one finding for what was decided in the window: its value is the unmatched share."""
        counts = AlignCounts(len(self.spec.compare))
        for pane, found in self._panes.items():
            if view.start_ms <= pane < view.end_ms:
                counts.merge(found)
        rows = counts.decided
        if rows < self.spec.min_rows:
            return [Finding(Level.UNKNOWN, "too few rows" if rows else "no rows", None, rows)]
        problem = self._problem(counts)
        level = Level[self.spec.severity.upper()] if problem else Level.OK
        return [Finding(level, problem or "ok", counts.unmatched_ratio, rows, details=self._details(counts))]

    def forget(self, before_ms: int) -> None:
        """Forget the counts of panes that no window needs."""
        for pane in [pane for pane in self._panes if pane < before_ms]:
            del self._panes[pane]

    def _rows(self, batch: Batch) -> Waiting:
        """Return the rows of a batch that have a key, with the values to compare."""
        columns = [batch.columns[path] for path in self.spec.key]
        usable: MaskArray = np.logical_and.reduce([column.ok for column in columns])
        keys: HashArray = np.zeros(len(batch), np.uint64)
        for column in columns:
            keys = mix(keys ^ _hashes(column))
        values = [_comparable(batch.columns[path]) for path in self.spec.compare]
        table = np.stack(values, axis=1) if values else np.zeros((len(batch), 0))
        return Waiting(keys, batch.event_times_ms, table).take(usable)

    def _count_pairs(self, left: Waiting, right: Waiting, pane_ms: int) -> None:
        tolerance = self.spec.tolerance
        panes = np.maximum(left.times_ms, right.times_ms) // pane_ms * pane_ms
        cells = ((right.times_ms - left.times_ms + tolerance) * CELLS) // (2 * tolerance)
        both = ~np.isnan(left.values) & ~np.isnan(right.values)
        differ = both & (left.values != right.values)
        for start in np.unique(panes).tolist():
            inside = panes == start
            counts = self._pane(start)
            counts.matched += int(inside.sum())
            counts.compared += both[inside].sum(axis=0)
            counts.different += differ[inside].sum(axis=0)
            counts.skew += np.bincount(np.clip(cells[inside], 0, CELLS - 1), minlength=CELLS)

    def _drop(self, side: str, pane_ms: int) -> None:
        """Give up the oldest rows of a side where more than `max_waiting` wait."""
        rows = self._waiting[side]
        more = len(rows) - self.spec.max_waiting
        if more > 0:
            order = np.argsort(rows.times_ms, kind="stable")
            start = int(rows.times_ms[order[more - 1]]) // pane_ms * pane_ms
            self._alone(start, side, more)
            self._pane(start).dropped += more
            self._waiting[side] = rows.take(np.sort(order[more:]))

    def _alone(self, start_ms: int, side: str, n: int) -> None:
        counts = self._pane(start_ms)
        if side == "left":
            counts.left += n
        else:
            counts.right += n

    def _pane(self, start_ms: int) -> AlignCounts:
        return self._panes.setdefault(start_ms, AlignCounts(len(self.spec.compare)))

    def _problem(self, counts: AlignCounts) -> str:
        """Return what is wrong with the decided rows; empty when nothing is."""
        spec = self.spec
        if counts.unmatched_ratio > spec.max_unmatched_ratio:
            return f"{counts.left} rows of {spec.left} and {counts.right} of {spec.right} have no partner"
        for path, ratio in zip(spec.compare, counts.different_ratios().tolist(), strict=True):
            if ratio > spec.max_different_ratio:
                return f"{path} differs in {ratio:.2%} of the pairs"
        skew_ms = counts.median_skew_ms(spec.tolerance)
        if spec.max_median_skew is not None and abs(skew_ms) > spec.max_median_skew:
            return f"rows of {spec.right} are {skew_ms:+.0f} ms from their partners in the median"
        return ""

    def _details(self, counts: AlignCounts) -> dict[str, float]:
        """Return every number behind the finding, by name."""
        different = zip(self.spec.compare, counts.different_ratios().tolist(), strict=True)
        numbers = {
            "matched": float(counts.matched),
            "unmatched_left": float(counts.left),
            "unmatched_right": float(counts.right),
            "dropped": float(counts.dropped),
            "median_skew_ms": counts.median_skew_ms(self.spec.tolerance),
            **{f"different_ratio.{path}": ratio for path, ratio in different},
        }
        return {name: number for name, number in numbers.items() if np.isfinite(number)}

    def state(self) -> State:
        """Return everything needed to go on."""
        waiting = {
            side: {"keys": rows.keys.copy(), "times_ms": rows.times_ms.copy(), "values": rows.values.copy()}
            for side, rows in self._waiting.items()
        }
        return {
            "of": self._identity,
            "waiting": waiting,
            "panes": {str(start): counts.state() for start, counts in self._panes.items()},
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        if state.get("of") != self._identity:
            raise StoreError(f"stored state of the check {self.spec.name} is of others; reset the checkpoint")
        try:
            fields = len(self.spec.compare)
            waiting = {side: _stored(state["waiting"][side], fields) for side in ("left", "right")}
            panes = {int(start): AlignCounts(fields) for start in state["panes"]}
            for start, counts in panes.items():
                counts.load(state["panes"][str(start)])
        except DAMAGE as error:
            raise StoreError(f"stored rows that wait are damaged ({error}); reset the checkpoint") from error
        self._waiting, self._panes = waiting, panes

    @property
    def _identity(self) -> list[Any]:
        """What must be equal for stored rows to be of use."""
        return [self.spec.left, self.spec.right, list(self.spec.key), list(self.spec.compare)]


def _hashes(column: Column) -> HashArray:
    values = column.values
    return hash_numbers(values) if isinstance(values, np.ndarray) else hash_strings(values)


def _comparable(column: Column) -> FloatArray:
    """Return each value as a number that is equal where values are; NaN where there is none."""
    values = column.values
    numbers = values if isinstance(values, np.ndarray) else (hash_strings(values) >> _BITS).astype(np.float64)
    return np.where(column.ok, numbers, np.nan)


def _without(rows: Waiting, gone: Any) -> Waiting:
    kept = np.ones(len(rows), np.bool_)
    kept[gone] = False
    return rows.take(kept)


def _stored(stored: State, fields: int) -> Waiting:
    """Return stored waiting rows; raises ValueError where their shapes do not fit."""
    rows = Waiting(
        np.asarray(stored["keys"], np.uint64),
        np.asarray(stored["times_ms"], np.int64),
        np.asarray(stored["values"], np.float64),
    )
    if rows.times_ms.shape != rows.keys.shape or rows.values.shape != (len(rows), fields):
        raise ValueError("waiting rows of another shape")
    return rows
