"""From the engine to checkpoints: what changed since the last one, kept until it is durable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import structlog

from monitor.checkpoint import Checkpoint, StoredEvent, StoredWindow
from monitor.codec import decode, encode
from monitor.engine import Engine
from monitor.epochs import Change, begun, epoch_state
from monitor.errors import DAMAGE, StoreError
from monitor.in_force import EpochView
from monitor.lines import baseline_line, change_lines, window_lines
from monitor.memory_blocks import Key, MemoryBlocks
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.protocols import State
from monitor.results import StepResult, WindowResult
from monitor.types import Alert, TopicPartition

_CAUSES, _BUDGET = "causes", "budget"
"""Under these names causes and evidence are stored beside what the checks remember."""
NOTHING_CHANGED = Change()
RECENT_EVENTS = 50
"""So many of the last events are kept at hand."""


def _plain(value: object) -> float | int:
    """Return the number that a subclass of float or int is, such as numpy's; raises TypeError for anything else."""
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, int | np.integer):
        return int(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_ENCODE = msgspec.json.Encoder(enc_hook=_plain).encode


class Saver:
    """Collects what the steps brought about and turns it, with the engine's state, into checkpoints.

    `taken` must be called once a checkpoint is durable; until then the next one holds all of it again.
    """

    def __init__(self, engine: Engine, change: Change = NOTHING_CHANGED) -> None:
        """Start with nothing pending; `change` says what is in force from now on."""
        self._engine = engine
        self._change = change
        self._configuration: str | None = None
        self._windows: list[StoredWindow] = []
        self._revised: dict[tuple[int, int], int] = {}
        self._alerts: list[Alert] = []
        self._blocks = MemoryBlocks()
        self._events: list[StoredEvent] = []
        self.events: tuple[StoredEvent, ...] = ()
        """The last events that are durable, oldest first."""
        self.epoch: EpochView | None = None
        """What is in force, since when; None until `restore` has looked at what was before."""

    def restore(
        self,
        monitor: bytes | str | None,
        memory: Mapping[Key, bytes] | None = None,
        *,
        now_ms: int = 0,
        events: Sequence[StoredEvent] = (),
        configuration: bytes | str | None = None,
    ) -> None:
        """Continue the engine from the stored monitor state and what its checks and its baseline's keeper remembered.

        `events` and `configuration` are the stored ones; another baseline and another configuration than the stored
        ones are new events, at `now_ms`. Raises StoreError on damage.
        """
        self._alerts += restore_engine(self._engine, monitor)
        self.events = tuple(events[-RECENT_EVENTS:])
        head = None if monitor is None else decode_head(monitor)
        self._begin(head, configuration, now_ms)
        self._compare(head, now_ms)
        remembered = self._blocks.restore(memory or {})
        self._engine.memory.load(remembered)
        if _CAUSES in remembered:
            self._engine.causes.load(remembered[_CAUSES])
        if _BUDGET in remembered:
            self._engine.budget.load(remembered[_BUDGET])
            if self._engine.budget.restarted:
                structlog.get_logger(__name__).info("budget_restarted", streams=self._engine.budget.restarted)
        keeper = self._engine.closer.keeper
        if keeper is not None and self._kept_as in remembered:
            keeper.load(remembered[self._kept_as])

    def _begin(self, head: State | None, configuration: bytes | str | None, now_ms: int) -> None:
        """Note in which epoch we are, and that the configuration is another one than before."""
        stored = None if head is None else head.get("epoch")
        found = begun(self._engine.plan, self._change, stored, configuration, now_ms)
        self.epoch = found.epoch
        if found.line is not None:
            said = {name: found.line[name] for name in ("hash", "previous", "reason", "changes")}
            structlog.get_logger(__name__).info("configuration_changed", **said)
            self._events.append(StoredEvent(now_ms, _json(found.line)))
        kept = configuration.decode() if isinstance(configuration, bytes) else configuration
        wanted = self._change.configuration
        self._configuration = wanted if wanted and wanted != kept else None

    def _compare(self, head: State | None, now_ms: int) -> None:
        """Note that the baseline is another one than before."""
        stored = None if head is None else head.get("baseline")
        plan, version = self._engine.plan, self._engine.plan.baseline_version
        if version != stored:
            reason = f"{self._change.occasion} with another version" if stored is not None else "first"
            reason = "removed" if version is None else reason
            line = baseline_line(plan.monitor, now_ms, version or "", stored, reason)
            structlog.get_logger(__name__).info("baseline_changed", version=version, previous=stored, reason=reason)
            self._events.append(StoredEvent(now_ms, _json(line)))

    def hear(self, result: StepResult) -> None:
        """Take what a step brought about."""
        plan = self._engine.plan
        for window in result.windows:
            self._events += [StoredEvent(int(line["at_ms"]), _json(line)) for line in change_lines(plan, window)]
        self._windows += [stored_window(self._engine.plan, window) for window in result.windows]
        self._alerts += result.alerts
        for key, n in result.revised.items():
            self._revised[key] = self._revised.get(key, 0) + n

    @property
    def pending_windows(self) -> int:
        """How many judged windows are not durable yet."""
        return len(self._windows)

    def checkpoint(self) -> Checkpoint:
        """Return everything that is not durable yet, as one value."""
        panes: dict[tuple[TopicPartition, int], bytes | None] = {}
        heads = {}
        for partition, state in self._engine.partitions.items():
            plan = self._engine.plan
            heads[partition] = json.dumps(state.head(plan.grid.pane_ms, plan.clock)).encode()
            for start in state.dirty:
                pane = state.panes.get(start)
                panes[partition, start] = None if pane is None else encode(pane.state())
        own = {
            "baseline": self._engine.plan.baseline_version,
            "epoch": None if self.epoch is None else epoch_state(self.epoch),
        }
        monitor = json.dumps(self._engine.state() | own).encode()
        memory = self._blocks.changed(
            {
                **self._engine.memory.states(),
                **self._kept(),
                _CAUSES: self._engine.causes.state(),
                **({_BUDGET: evidence} if (evidence := self._engine.budget.state()) else {}),
            }
        )
        windows, alerts, events = tuple(self._windows), tuple(self._alerts), tuple(self._events)
        return Checkpoint(
            monitor, heads, panes, windows, dict(self._revised), alerts, memory, events, self._configuration
        )

    def _kept(self) -> dict[str, State]:
        """Return what the keeper of the baseline remembers, under its name; nothing where it is nothing."""
        keeper = self._engine.closer.keeper
        state = keeper.state() if keeper is not None else {}
        return {self._kept_as: state} if state else {}

    @property
    def _kept_as(self) -> str:
        """The name under which the keeper of the baseline remembers; one of another kind starts afresh."""
        keeping = self._engine.plan.keeping
        return f"baseline {keeping.kind if keeping is not None else 'file'}"

    def taken(self) -> None:
        """Forget what the last checkpoint made durable."""
        self.events = (*self.events, *self._events)[-RECENT_EVENTS:]
        self._windows, self._revised, self._alerts, self._events = [], {}, [], []
        self._configuration = None
        self._blocks.taken()
        for state in self._engine.partitions.values():
            state.dirty.clear()


def _json(line: Mapping[str, object]) -> str:
    """Return a line as JSON; of windows with many streams there are thousands."""
    try:
        return _ENCODE(line).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which the configuration may hold
        return json.dumps(line, separators=(",", ":"))


def stored_window(plan: MonitorPlan, window: WindowResult) -> StoredWindow:
    """Return a judged window as history keeps it."""
    lines = "\n".join(map(_json, window_lines(plan, window)))
    profile = encode(window.profile.state()) if window.profile is not None else None
    return StoredWindow(window.start_ms, window.end_ms, window.windows, window.rows, lines, profile)


def restore_partition(
    plan: MonitorPlan, partition: TopicPartition, head: bytes, panes: dict[int, bytes]
) -> PartitionState:
    """Return a partition's state from what the store holds; raises StoreError on damage."""
    states = {start: decode(state) for start, state in panes.items()}
    return PartitionState.of(partition, decode_head(head), states, plan.profile, plan.grid.pane_ms, plan.clock)


def restore_engine(engine: Engine, monitor: bytes | str | None) -> list[Alert]:
    """Continue the engine from the stored monitor state, if there is one; raises StoreError on damage.

    Returns the alerts that resolve because nothing in the configuration can clear them any more.
    """
    if monitor is None:
        return []
    engine.load(decode_head(monitor))
    return engine.retire()


def decode_head(data: bytes | str) -> State:
    """Return stored JSON as a tree; raises StoreError on damage."""
    try:
        found = json.loads(data)
    except DAMAGE as error:
        raise StoreError(f"stored state is damaged ({error}); reset the checkpoint") from error
    if not isinstance(found, dict):
        raise StoreError("stored state is damaged; reset the checkpoint")
    return found
