"""The state of one partition: where it is read to, its watermark, its open panes and its counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from monitor.errors import StoreError
from monitor.profile import Profile, ProfilePlan
from monitor.protocols import State
from monitor.types import TopicPartition
from monitor.windows import NEVER_MS


@dataclass
class PartitionState:
    """A self-contained value: the offsets `[from_offset, next_offset)` and what was accumulated of them.

    records = rows + rejects + filtered; late rows are among the rows. `missed` counts the offsets in the
    interval that held no record for us (compaction, transaction markers) or were gone (retention).
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
    rejects: Counter[str] = field(default_factory=Counter)
    panes: dict[int, Profile] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    end_offset: int | None = None
    caught_up_since_ms: int | None = None
    confirmed_ms: int | None = None

    def watermark_ms(self, lateness_ms: int) -> int:
        """Return up to where this partition's event time is complete; NEVER_MS before its first row."""
        return self.max_event_ms - lateness_ms if self.max_event_ms > NEVER_MS else NEVER_MS

    def hear_end(self, end_offset: int | None, now_ms: int) -> None:
        """Take the end offset as the broker just confirmed it, or that it did not answer."""
        if end_offset is None:
            return
        self.end_offset, self.confirmed_ms = end_offset, now_ms
        if self.next_offset < end_offset:
            self.caught_up_since_ms = None
        elif self.caught_up_since_ms is None:
            self.caught_up_since_ms = now_ms

    def idle(self, idle_ms: int | None) -> bool:
        """Return whether the position has equalled a confirmed end for `idle_ms`; at once when None.

        The time counts up to the last confirmation, so a broker that does not answer makes nobody idle.
        """
        if self.caught_up_since_ms is None or self.confirmed_ms is None:
            return False
        return idle_ms is None or self.confirmed_ms - self.caught_up_since_ms >= idle_ms

    def head(self) -> State:
        """Return everything but the panes, as JSON-able values."""
        return {
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
            "rejects": dict(self.rejects),
        }

    @classmethod
    def of(cls, partition: TopicPartition, head: State, panes: dict[int, Any], plan: ProfilePlan) -> PartitionState:
        """Return the state that `head` and the panes' states describe; raises StoreError on damage."""
        try:
            state = cls(partition, **{**head, "rejects": Counter(head["rejects"])})
        except (KeyError, TypeError) as error:
            raise StoreError(f"stored state of {partition} is damaged ({error}); reset the checkpoint") from error
        state.panes = {start: plan.load(pane) for start, pane in panes.items()}
        return state
