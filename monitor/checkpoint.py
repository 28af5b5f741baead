"""What one transaction makes durable: offsets and statistics together with what was judged and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.types import Alert, TopicPartition


@dataclass(frozen=True)
class StoredWindow:
    """A judged window (or run of empty ones) as history keeps it: its JSON lines and its merged profile."""

    start_ms: int
    end_ms: int
    windows: int
    rows: int
    lines: str
    profile: bytes | None = None


@dataclass(frozen=True)
class StoredEvent:
    """Something that history keeps besides windows: when, and its JSON line."""

    at_ms: int
    line: str


@dataclass(frozen=True)
class Checkpoint:
    """Only what changed since the last one. A pane of None is to be forgotten.

    `revised` counts rows by the start of their pane and the end of the last window judged before they came.
    `memory` are blocks of what checks remember, by the check's key and the block's name; None is to be forgotten.
    `configuration` is the one in force, as JSON without secrets; None: the stored one still is.
    """

    monitor: bytes
    heads: Mapping[TopicPartition, bytes]
    panes: Mapping[tuple[TopicPartition, int], bytes | None] = field(default_factory=dict)
    windows: Sequence[StoredWindow] = ()
    revised: Mapping[tuple[int, int], int] = field(default_factory=dict)
    alerts: Sequence[Alert] = ()
    memory: Mapping[tuple[str, str], bytes | None] = field(default_factory=dict)
    events: Sequence[StoredEvent] = ()
    configuration: str | None = None
