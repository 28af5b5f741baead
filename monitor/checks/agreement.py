"""Annotators must agree: Krippendorff's α of the ratings of a window, with who and what disagrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from monitor.checks.agreement_alpha import Scale
from monitor.checks.agreement_finding import finding
from monitor.checks.agreement_labels import Labels
from monitor.checks.agreement_ratings import ROW_BYTES, Ratings, together
from monitor.checks.agreement_tally import PANE_BYTES, Tally
from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.keys import key_hashes, known_keys
from monitor.checks.naming import CheckName
from monitor.checks.window import Finding, WindowView
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.spec import DurationMs, Spec
from monitor.types import SCALARS, Batch, FieldType, IntArray

_WEEK_MS = 604_800_000
_BEGINNING_MS = -(1 << 62)


class AgreementSpec(Spec):
    """Fails a window in which annotators agree too little: Krippendorff's α of the items that were rated in it.

    A record is one rating. An item belongs to the window in which it was rated last, with all its ratings of the
    `horizon`; the last rating of an annotator counts. α is judged by the upper end of its bootstrap interval.
    """

    exported: ClassVar[tuple[str, ...]] = (
        "rated_units",
        "left_out",
        "alpha",
        "alpha_lower",
        "alpha_upper",
        "agreement_ratio",
        "kappa",
    )
    example: ClassVar[str] = """
        fields:
          item_id: {type: text}
          who: {type: category}
          label: {type: category}
        checks:
          - {kind: agreement, item: item_id, annotator: who, label: label, min_alpha: 0.85}
    """

    kind: Literal["agreement"] = "agreement"
    name: CheckName = "agreement"
    item: str = Field(description="the field that names what is rated")
    annotator: str = Field(description="the field that names who rates it")
    label: str = Field(description="the field that holds the rating")
    scale: Scale = Field(default="nominal", description="what the distance of two labels means")
    order: Annotated[tuple[str, ...], Field(min_length=2, max_length=100)] | None = Field(
        default=None, description="of an ordinal scale of texts, the labels in order; others are left out"
    )
    min_alpha: float = Field(default=0.85, gt=-1, le=1, allow_inf_nan=False, description="smallest α")
    judge_by: Literal["bound", "estimate"] = Field(
        default="bound", description="whether the upper end of the interval must reach `min_alpha`, or α itself"
    )
    confidence: float = Field(default=0.95, ge=0.5, le=0.999, description="of the two-sided interval of α")
    resamples: int = Field(default=1000, ge=100, le=10_000, description="of the units, for the interval")
    min_units: int = Field(default=30, ge=1, description="with fewer items that have two ratings nothing is judged")
    horizon: DurationMs = Field(
        default=_WEEK_MS, ge=1, description="event time after its last rating within which an item can get another"
    )
    max_ratings: int = Field(
        default=200_000, ge=100, le=10_000_000, description="ratings that are remembered; the oldest are forgotten"
    )
    max_per_item: int = Field(default=30, ge=2, le=1000, description="annotators of an item that are counted")
    max_classes: int = Field(default=50, ge=2, le=100, description="with more labels in a window it is unknown")
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len({self.item, self.annotator, self.label}) < 3:
            raise ValueError("item, annotator and label are three fields; one is named twice")
        if self.order is not None and self.scale != "ordinal":
            raise ValueError(f"only an ordinal scale has an order, and this one is {self.scale}; leave order out")
        if self.order is not None and len(set(self.order)) < len(self.order):
            raise ValueError("order names a label twice; leave one out")
        return self

    @property
    def memory_bytes(self) -> int:
        """What the ratings take at most, kept and waiting, and the counts of two panes."""
        return 2 * self.max_ratings * ROW_BYTES + 2 * PANE_BYTES

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield the fields that are not configured or have a type that cannot be what they are for."""
        numeric = self.scale in ("interval", "ratio") or (self.scale == "ordinal" and self.order is None)
        texts: frozenset[FieldType] = frozenset({"category", "text"})
        labels: frozenset[FieldType] = frozenset({"number", "integer"}) if numeric else SCALARS
        wanted = (("item", SCALARS), ("annotator", SCALARS), ("label", texts if self.order is not None else labels))
        for setting, fitting in wanted:
            problem = unfitting(self.kind, setting, getattr(self, setting), fields, fitting)
            if problem is not None:
                yield problem

    def build(self) -> Agreement:
        """Return the check, to which nothing was shown yet."""
        return Agreement(self)


class Agreement:
    """Keeps ratings and, for each pane, what the pairs of ratings of the items rated last in it look like.

    It has memory, so the monitor owns one, and its state is checkpointed with the offsets. Ratings wait until the end
    of their pane and are then taken pane after pane, whatever was read in between: what a window holds depends on the
    log and not on fetches. A rating of an item that was counted before takes its old pairs back and adds the new ones,
    in whole numbers, so the counts equal a recount. A late row counts in the newest pane its partition had reached.

    Bounds: `max_ratings` kept, of which the items rated longest ago are forgotten (their pairs stay counted, and what
    comes for them begins anew), and as many waiting, beyond which the items with the largest hashes are left out, and
    that is said; below these caps nothing depends on batching.
    """

    def __init__(self, spec: AgreementSpec) -> None:
        """Start without ratings."""
        self.spec = spec
        self._labels = Labels(spec.scale, spec.order)
        self._kept = Ratings.none()
        self._waiting = Ratings.none()
        self._left_out: dict[int, int] = {}
        self._panes: dict[int, Tally] = {}
        self._taken_ms = _BEGINNING_MS
        self._reached: dict[str, int] = {}

    @property
    def sizes(self) -> tuple[int, int]:
        """How many ratings are kept, and how many wait."""
        return len(self._kept), len(self._waiting)

    def fold(self, batch: Batch, pane_ms: int, lateness_ms: int = 0) -> None:
        """Take the ratings of a batch; rows without a usable item, annotator or label are none."""
        if not len(batch):
            return
        panes = self._panes_of(batch, pane_ms, lateness_ms)
        columns = [batch.columns[path] for path in (self.spec.item, self.spec.annotator)]
        label = batch.columns[self.spec.label]
        usable = known_keys(columns[:1]) & known_keys(columns[1:]) & self._labels.usable(label)
        rows = np.flatnonzero(usable)
        if not rows.size:
            return
        who = columns[1].take(rows)
        labels = self._labels.encode(label.take(rows))
        annotators = self._labels.annotators(who)
        items = key_hashes([columns[0].take(rows)])
        self._waiting = together(
            [self._waiting, Ratings(items, annotators, labels, batch.event_times_ms[rows], panes[rows])]
        )
        self._cut()

    def settle(self, watermark_ms: int, pane_ms: int) -> None:
        """Do nothing: ratings are taken window by window, when it is judged."""

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return nothing: rows are shown to it one batch at a time."""
        return ()

    def judge(self, view: WindowView) -> list[Finding]:
        """Return one finding: its value is α of the items that were rated last in the window."""
        self._take_until(view.end_ms)
        tally = Tally.none()
        for start in sorted(self._panes):
            if view.start_ms <= start < view.end_ms:
                tally = tally.and_of(self._panes[start])
        return [finding(self.spec, tally, self._labels, view)]

    def forget(self, before_ms: int) -> None:
        """Forget the counts of panes that no window needs."""
        self._take_until(before_ms)
        gone = [start for start in self._panes if start < before_ms]
        for start in gone:
            del self._panes[start]
        if gone:
            self._labels.keep(self._names())

    def _panes_of(self, batch: Batch, pane_ms: int, lateness_ms: int) -> IntArray:
        """Return in which pane each row counts: its own or, of a late one, the newest that its partition had reached.

        Never one that was taken: what comes for it, after its partition was idle, counts in the one after.
        """
        times = batch.event_times_ms
        partition = f"{batch.partition.topic}/{batch.partition.partition}"
        before = np.maximum.accumulate(np.concatenate(([self._reached.get(partition, _BEGINNING_MS)], times)))
        self._reached[partition] = int(before[-1])
        own = times // pane_ms * pane_ms
        late = own + pane_ms <= before[:-1] - lateness_ms
        panes = np.where(late, before[:-1] // pane_ms * pane_ms, own)
        first: IntArray = np.maximum(panes, -(-self._taken_ms // pane_ms) * pane_ms)
        return first

    def _cut(self) -> None:
        """Leave out, where too many ratings wait, those of the items with the largest hashes."""
        if len(self._waiting) <= self.spec.max_ratings:
            return
        waiting = self._waiting
        largest = np.partition(waiting.items, self.spec.max_ratings)[self.spec.max_ratings]
        gone = waiting.items >= largest
        for start, n in zip(*(a.tolist() for a in np.unique(waiting.panes_ms[gone], return_counts=True)), strict=True):
            self._left_out[start] = self._left_out.get(start, 0) + n
        self._waiting = waiting.take(~gone)

    def _take_until(self, end_ms: int) -> None:
        """Take the waiting ratings of the panes before `end_ms`, one pane after the other."""
        due = self._waiting.panes_ms < end_ms
        ratings = self._waiting.take(due)
        starts = np.unique(ratings.panes_ms).tolist()
        for start in sorted({*starts, *(pane for pane in self._left_out if pane < end_ms)}):
            self._take(start, ratings.take(ratings.panes_ms == start))
        if due.any():
            self._waiting = self._waiting.take(~due)
        self._taken_ms = max(self._taken_ms, end_ms)

    def _take(self, start_ms: int, new: Ratings) -> None:
        """Take the ratings of one pane: the items that have them move to it with all their ratings."""
        kept = self._kept.take(self._kept.panes_ms + self.spec.horizon >= start_ms)
        moved = np.isin(kept.items, new.items)
        before = kept.take(moved)
        for pane in np.unique(before.panes_ms).tolist():
            if pane in self._panes:
                self._panes[pane] = self._panes[pane].plus(before.take(before.panes_ms == pane), -1)
        units = together([before, new]).in_force(self.spec.max_per_item).in_pane(start_ms)
        left_out = self._left_out.pop(start_ms, 0)
        self._panes[start_ms] = self._panes.get(start_ms, Tally.none()).plus(units, 1, left_out)
        kept = together([kept.take(~moved), units])
        kept = kept.take(np.lexsort((kept.annotators, kept.items)))
        self._kept = kept.newest(self.spec.max_ratings)

    def _names(self) -> IntArray:
        """Return the labels and annotators that are still somewhere."""
        parts = [part for held in (self._kept, self._waiting) for part in (held.labels, held.annotators)]
        parts += [counted.keys.ravel() for tally in self._panes.values() for counted in (tally.cells, tally.pairs)]
        return np.unique(np.concatenate(parts))

    def state(self) -> State:
        """Return everything needed to go on; arrays are its own."""
        return {
            "of": self._identity,
            "kept": self._kept.state(),
            "waiting": self._waiting.state(),
            "left_out": {str(start): n for start, n in self._left_out.items()},
            "panes": {str(start): tally.state() for start, tally in self._panes.items()},
            "names": self._labels.state(),
            "taken_ms": self._taken_ms,
            "reached": dict(self._reached),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        if state.get("of") != self._identity:
            raise StoreError(f"stored state of the check {self.spec.name} is of others; reset the checkpoint")
        try:
            kept, waiting = Ratings.of(state["kept"]), Ratings.of(state["waiting"])
            left_out = {int(start): int(n) for start, n in state["left_out"].items()}
            panes = {int(start): Tally.of(tally) for start, tally in state["panes"].items()}
            reached = {str(partition): int(at) for partition, at in state["reached"].items()}
            taken_ms = int(state["taken_ms"])
            self._labels.load(state["names"])
        except DAMAGE as error:
            raise StoreError(f"stored ratings are damaged ({error}); reset the checkpoint") from error
        self._kept, self._waiting, self._left_out, self._panes = kept, waiting, left_out, panes
        self._taken_ms, self._reached = taken_ms, reached

    @property
    def _identity(self) -> list[Any]:
        """What must be equal for stored ratings to be of use."""
        spec = self.spec
        return [spec.item, spec.annotator, spec.label, spec.scale, None if spec.order is None else list(spec.order)]
