"""The state of one partition: where it is read to, its watermark, its open panes and its counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.errors import DAMAGE, StoreError
from monitor.profile import Profile, ProfilePlan
from monitor.protocols import State
from monitor.snapshot import RejectsView
from monitor.types import IntArray, TopicPartition
from monitor.windows import NEVER_MS

CONFIRMED_FOR_MS = 15_000
"""So long a confirmed end offset is fresh; after it nobody knows whether there is more to read."""


@dataclass
class PartitionState:
    """A self-contained value: the offsets `[from_offset, next_offset)` and what was accumulated of them.

    records = rows + rejects + filtered; late rows are among the rows. `missed` counts the offsets in the
    interval that held no record for us (compaction, transaction markers) or were gone (retention).
    `reject_offsets` are the first and the last offset of each reason for a reject; their number is the decoder's.
    `quiet_since_ms`: since when it is at its end without its event time moving; None when it is not there.
    `topic_id` is the cluster's identity of the topic that the offsets are of, empty where it is not known.
    `caught_up`: it has read all that was there when the broker was last but one asked, a few seconds ago; on a
    busy partition nobody ever stands at the very end.
    """

    partition: TopicPartition
    from_offset: int
    next_offset: int
    max_event_ms: int = NEVER_MS
    records: int = 0
    record_bytes: int = 0
    rows: int = 0
    filtered: int = 0
    late_rows: int = 0
    rows_after_verdict: int = 0
    missed: int = 0
    topic_id: str = ""
    rejects: Counter[str] = field(default_factory=Counter)
    reject_offsets: dict[str, tuple[int, int]] = field(default_factory=dict)
    panes: dict[int, Profile] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    end_offset: int | None = None
    quiet_since_ms: int | None = None
    confirmed_ms: int | None = None
    caught_up: bool = False
    epoch_ms: int = NEVER_MS

    def watermark_ms(self, lateness_ms: int) -> int:
        """Return up to where this partition's event time is complete; NEVER_MS before its first row."""
        return self.max_event_ms - lateness_ms if self.max_event_ms > NEVER_MS else NEVER_MS

    @property
    def at_end(self) -> bool:
        """Whether everything was read up to the end that the broker confirmed last."""
        return self.quiet_since_ms is not None

    def advance(self, next_offset: int, records: int, *, moved: bool, now_ms: int) -> None:
        """Go on to `next_offset` after so many records; `moved`: they brought the event time forward.

        Without records the offset may go back: the log was cut off, and the source says where it goes on.
        """
        self.missed += max(0, next_offset - self.next_offset - records)
        self.next_offset = max(self.next_offset, next_offset) if records else next_offset
        self.from_offset = min(self.from_offset, self.next_offset)
        if moved and self.quiet_since_ms is not None:
            self.quiet_since_ms = now_ms

    def begin_anew(self, offset: int, topic_id: str) -> None:
        """Go on at `offset` of another log, of the topic that now has the name; what was read stays read."""
        self.from_offset = self.next_offset = offset
        self.topic_id = topic_id
        self.end_offset = self.confirmed_ms = self.quiet_since_ms = None
        self.caught_up = False

    def count_rejects(self, reasons: Sequence[str], offsets: IntArray) -> None:
        """Count rejects by reason and note where the first and the last of each stand; offsets are ascending."""
        self.rejects.update(reasons)
        ascending = offsets.tolist()
        firsts = dict(zip(reversed(reasons), reversed(ascending), strict=True))
        for reason, last in dict(zip(reasons, ascending, strict=True)).items():
            first, _ = self.reject_offsets.get(reason, (firsts[reason], last))
            self.reject_offsets[reason] = (first, last)

    def hear_end(self, end_offset: int | None, now_ms: int) -> None:
        """Take the end offset as the broker just confirmed it, or that it did not answer."""
        if end_offset is None:
            return
        before = end_offset
        if self.end_offset is not None and self.fresh(now_ms):
            before = min(self.end_offset, end_offset)
        self.caught_up = self.next_offset >= before
        self.end_offset, self.confirmed_ms = end_offset, now_ms
        if self.next_offset < end_offset:
            self.quiet_since_ms = None
        elif self.quiet_since_ms is None:
            self.quiet_since_ms = now_ms

    def idle(self, idle_ms: int | None, now_ms: int) -> bool:
        """Return whether the position has equalled a confirmed end for `idle_ms`; at once when None.

        A partition whose event time moves on is at work, however well we keep up with it; one that brings
        only rejects or repeats old event times is not, or it would hold up everything for ever. The time
        counts up to the last confirmation, which must be fresh: an unreachable broker makes nobody idle.
        """
        if self.quiet_since_ms is None or self.confirmed_ms is None:
            return False
        if idle_ms is None:
            return True
        return self.fresh(now_ms) and self.confirmed_ms - self.quiet_since_ms >= idle_ms

    def fresh(self, now_ms: int) -> bool:
        """Return whether the broker has confirmed the end just recently."""
        return self.confirmed_ms is not None and now_ms - self.confirmed_ms <= CONFIRMED_FOR_MS

    def hear_as(self, before: PartitionState) -> None:
        """Know of the broker what `before` knew, the same partition until now; a restart has to ask again."""
        self.end_offset, self.confirmed_ms = before.end_offset, before.confirmed_ms
        self.quiet_since_ms, self.caught_up = before.quiet_since_ms, before.caught_up

    def head(self, pane_ms: int, clock: str = "") -> State:
        """Return everything but the panes, as JSON-able values; `pane_ms` is their width, `clock` what times mean."""
        return {
            "pane_ms": pane_ms,
            "clock": clock,
            "from_offset": self.from_offset,
            "next_offset": self.next_offset,
            "max_event_ms": self.max_event_ms,
            "records": self.records,
            "record_bytes": self.record_bytes,
            "rows": self.rows,
            "filtered": self.filtered,
            "late_rows": self.late_rows,
            "rows_after_verdict": self.rows_after_verdict,
            "missed": self.missed,
            "topic_id": self.topic_id,
            "rejects": dict(self.rejects),
            "reject_offsets": dict(self.reject_offsets),
        }

    @classmethod
    def of(
        cls,
        partition: TopicPartition,
        head: State,
        panes: dict[int, Any],
        plan: ProfilePlan,
        pane_ms: int,
        clock: str = "",
    ) -> PartitionState:
        """Return the state that `head` and the panes' states describe; raises StoreError on damage.

        Panes of another width than `pane_ms`, or by another `clock`, cannot go on: they are forgotten, and
        `epoch_ms` says from when on panes are whole again.
        """
        try:
            # stores from before there were reject offsets have none
            stored = dict(head.get("reject_offsets", {}))
            places = {reason: (int(first), int(last)) for reason, (first, last) in stored.items()}
            rest = {**head, "rejects": Counter(head["rejects"]), "reject_offsets": places}
            # stores from before there were clocks are of the one that is configured
            same_clock = (rest.pop("clock", "") or clock) == (clock or head.get("clock", ""))
            same_grid = rest.pop("pane_ms") == pane_ms and same_clock
            state = cls(partition, **rest)
            state.next_offset, state.max_event_ms = int(state.next_offset), int(state.max_event_ms)
        except DAMAGE as error:
            raise StoreError(f"stored state of {partition} is damaged ({error}); reset the checkpoint") from error
        if same_grid:
            state.panes = {start: plan.load(pane) for start, pane in panes.items()}
        elif state.max_event_ms > NEVER_MS:
            state.dirty = set(panes)
            state.epoch_ms = (state.max_event_ms // pane_ms + 1) * pane_ms
        return state


def counted_of(states: Sequence[PartitionState]) -> dict[str, Any]:
    """Return what was counted of the records by topic, under the names that a snapshot has for it."""
    topics = sorted({state.partition.topic for state in states})
    by_topic = {
        name: {topic: _sum(states, topic, name) for topic in topics}
        for name in ("late_rows", "rows_after_verdict", "filtered")
    }
    return {"rejects": rejects_of(states), "reject_offsets": reject_places(states), **by_topic}


def _sum(states: Sequence[PartitionState], topic: str, name: str) -> int:
    return sum(getattr(state, name) for state in states if state.partition.topic == topic)


def rejects_of(states: Iterable[PartitionState]) -> dict[tuple[str, str], int]:
    """Return how many rejects there are, by topic and reason."""
    counts: Counter[tuple[str, str]] = Counter()
    for state in states:
        for reason, n in state.rejects.items():
            counts[state.partition.topic, reason] += n
    return dict(counts)


def reject_places(states: Iterable[PartitionState]) -> dict[tuple[str, str], tuple[RejectsView, ...]]:
    """Return where rejects stand, by topic and reason, in the order of the partitions."""
    places: dict[tuple[str, str], tuple[RejectsView, ...]] = {}
    for state in states:
        topic, partition = state.partition.topic, state.partition.partition
        for reason, (first, last) in state.reject_offsets.items():
            places[topic, reason] = (*places.get((topic, reason), ()), RejectsView(partition, first, last))
    return places
