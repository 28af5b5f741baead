"""The read-only view that the data thread publishes and everybody else reads: metrics, API, console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default

from monitor.alert_views import HeldView, MuteView, PendingView
from monitor.budget_views import BudgetEvidence, BudgetView
from monitor.in_force import EpochView, LoadView
from monitor.model_views import NO_MODEL, ModelState
from monitor.types import Alert, Level

SegmentLabel = str
"""`""` for all rows, else `dimension=value`."""


@dataclass(frozen=True)
class DelayView:
    """A histogram: upper bounds (s, without +Inf), counts per bucket, one more and not cumulative, sum (s)."""

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float


@dataclass(frozen=True)
class PartitionView:
    """One owned partition. `lag_s` is the age of the oldest unread record as far as it is known."""

    topic: str
    partition: int
    records: int
    record_bytes: int
    next_offset: int
    end_offset: int | None
    lag_s: float | None
    stalled: bool
    idle: bool
    watermark_ms: int | None

    @property
    def lag_records(self) -> int | None:
        """How many offsets are still to be read."""
        return None if self.end_offset is None else max(0, self.end_offset - self.next_offset)


@dataclass(frozen=True)
class FieldView:
    """One field in one segment over the last closed window; None where a number is not defined."""

    field: str
    segment: SegmentLabel
    rows: int
    missing_ratio: float | None
    invalid_ratio: float | None
    mean: float | None = None
    stddev: float | None = None
    min: float | None = None
    max: float | None = None
    distinct: float | None = None
    quantiles: Mapping[float, float] = with_default(default_factory=dict)


@dataclass(frozen=True)
class VerdictView:
    """The last verdict of one detector on one field and segment.

    `direction` is `up`, `down` or empty; `error_bound` says how far, at most, the score lies below that of the values
    before they were counted in cells. `budget` is the evidence, where the policy is one of evidence.
    """

    field: str
    segment: SegmentLabel
    detector: str
    level: Level
    reason: str
    score: float | None
    lower_bound: float | None
    noise_floor: float | None
    p_value: float | None
    n_baseline: int
    n_current: int
    direction: str = ""
    error_bound: float | None = None
    budget: BudgetEvidence | None = None


@dataclass(frozen=True)
class SegmentPart:
    """A segment's part in the movement of all rows: `power` of it, split into `mix` and `within` in shares of all rows.

    `surprise` says how unlike its baseline size the segment is among the rows that moved; `named` are those that
    explain the movement.
    """

    segment: SegmentLabel
    power: float
    surprise: float
    mix: float
    within: float
    named: bool


@dataclass(frozen=True)
class MovingView:
    """A stream of an incident: `rule` is its detector or check, `strength` its number over its warning threshold."""

    rule: str
    field: str
    segment: SegmentLabel
    level: Level
    strength: float


@dataclass(frozen=True)
class IncidentView:
    """What moves together, with its first cause: `field` in `segment`, since the window that starts at `onset_ms`.

    `streams` are ranked, the strongest first; `segments` are those of the dimension that explains most; mix and
    within are the shares of the movement of all rows, None where they do not move that way; `cells` those that moved
    most, with their signed shares; `related` other fields, with their correlation where it is known. It is `raised`
    once one of its streams has been strange for as long as raises an alert, and `fresh` where that, or what it says,
    is news of this window.
    """

    id: str
    onset_ms: int
    rule: str
    field: str
    segment: SegmentLabel
    summary: str
    streams: tuple[MovingView, ...] = ()
    segments: tuple[SegmentPart, ...] = ()
    mix_share: float | None = None
    within_share: float | None = None
    cells: tuple[tuple[str, float], ...] = ()
    related: tuple[tuple[str, float | None], ...] = ()
    raised: bool = False
    fresh: bool = False


@dataclass(frozen=True)
class CheckView:
    """The last outcome of one check in one segment; `failures_total` since the store began.

    `value` is what a check of windows measured, `details` the numbers behind it.
    """

    check: str
    segment: SegmentLabel
    level: Level
    failures_total: int
    failure_ratio: float | None
    reason: str = ""
    value: float | None = None
    details: Mapping[str, float] = with_default(default_factory=dict)


@dataclass(frozen=True)
class BaselineEventView:
    """The baseline became another one: when, which, what it was before (None: none), why, and of which field."""

    at_ms: int
    version: str
    previous: str | None
    reason: str
    field: str = ""


@dataclass(frozen=True)
class BaselineStateView:
    """What windows are compared with: the kind, for a trailing baseline its windows by field, and its events.

    `windows` is how many windows a field's reference is made of, `suspect` the fields whose reference is frozen.
    """

    kind: str
    version: str
    windows: Mapping[str, int] = with_default(default_factory=dict)
    suspect: frozenset[str] = frozenset()
    events: tuple[BaselineEventView, ...] = ()

    @property
    def changed_at_ms(self) -> int | None:
        """When it became what it is, as far as history says."""
        return self.events[-1].at_ms if self.events else None


@dataclass(frozen=True)
class ProfileView:
    """The distribution of one field and segment: shares per cell, baseline against last window."""

    field: str
    segment: SegmentLabel
    labels: tuple[str, ...]
    baseline: tuple[float, ...]
    current: tuple[float, ...]
    parts: tuple[SegmentPart, ...] = ()
    """Of all rows only: what each segment of each dimension has to do with the change."""


@dataclass(frozen=True)
class LettersView:
    """Where dead letters go, how many await the broker's word, and which (topic, limit) is exceeded just now."""

    topic: str
    pending: int = 0
    suppressing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RejectsView:
    """Where the rejects of one reason stand in one partition: the first and the last offset."""

    partition: int
    first_offset: int
    last_offset: int


@dataclass(frozen=True)
class WindowView:
    """The last judged window in event time."""

    start_ms: int
    end_ms: int
    rows: int
    partial: bool


@dataclass(frozen=True)
class Snapshot:
    """Everything that is exported, at one instant; immutable, so it is read without a lock."""

    monitor: str
    version: str
    config_hash: str
    taken_at_ms: int
    ready: bool = False
    ready_reason: str = "starting"
    caught_up: bool = False
    baseline_version: str | None = None
    baseline: BaselineStateView | None = None
    epoch: EpochView | None = None
    last_load: LoadView | None = None
    partitions: tuple[PartitionView, ...] = ()
    rejects: Mapping[tuple[str, str], int] = with_default(default_factory=dict)
    reject_offsets: Mapping[tuple[str, str], tuple[RejectsView, ...]] = with_default(default_factory=dict)
    late_rows: Mapping[str, int] = with_default(default_factory=dict)
    rows_after_verdict: Mapping[str, int] = with_default(default_factory=dict)
    filtered: Mapping[str, int] = with_default(default_factory=dict)
    dead_letters: Mapping[tuple[str, str], int] = with_default(default_factory=dict)
    letters: LettersView | None = None
    records_per_second: Mapping[str, float] = with_default(default_factory=dict)
    bytes_per_second: Mapping[str, float] = with_default(default_factory=dict)
    record_delay: Mapping[str, DelayView] = with_default(default_factory=dict)
    append_delay: Mapping[str, DelayView] = with_default(default_factory=dict)
    watermark_ms: int | None = None
    last_window: WindowView | None = None
    windows_total: int = 0
    fields: tuple[FieldView, ...] = ()
    verdicts: tuple[VerdictView, ...] = ()
    thresholds: Mapping[tuple[str, str, str], float] = with_default(default_factory=dict)
    checks: tuple[CheckView, ...] = ()
    profiles: tuple[ProfileView, ...] = ()
    model: ModelState = NO_MODEL
    unknown_fields: Mapping[str, int] = with_default(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    pending: tuple[PendingView, ...] = ()
    held: Mapping[tuple[str, str], tuple[HeldView, ...]] = with_default(default_factory=dict)
    """By fingerprint and severity."""
    notifications_held: Mapping[tuple[str, str], int] = with_default(default_factory=dict)
    """By sink and kind."""
    silences: Mapping[str, int] = with_default(default_factory=dict)
    """By state."""
    muted: tuple[MuteView, ...] = ()
    incidents: tuple[IncidentView, ...] = ()
    budget: BudgetView | None = None
    notifications: Mapping[tuple[str, str], int] = with_default(default_factory=dict)
    outbox_size: Mapping[str, int] = with_default(default_factory=dict)
    sink_open: Mapping[str, int] = with_default(default_factory=dict)
    incidents_open: Mapping[str, int] = with_default(default_factory=dict)
    storms: Mapping[str, int] = with_default(default_factory=dict)
    checkpoint_duration: DelayView | None = None
    checkpoint_last_success_ms: int | None = None
    rebalances: int = 0
    jumps: Mapping[tuple[str, str], int] = with_default(default_factory=dict)
    """Offsets between where reading stood and where it had to go on, by topic and cause."""
    stall_actions: Mapping[str, int] = with_default(default_factory=dict)
    waiting_for: str = ""
    """Why fetched records wait to be decoded, such as a schema registry that does not answer; else empty."""
    sequential_refused: Mapping[tuple[str, str, str], int] = with_default(default_factory=dict)
    engine_seconds: Mapping[str, float] = with_default(default_factory=dict)
    series_dropped: Mapping[str, int] = with_default(default_factory=dict)
