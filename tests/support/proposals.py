"""Proposals from records in memory, for tests of what `init` infers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from monitor.config.tree import Config
from monitor.proposing import FileOrigin, Gathered, Proposed, gather, propose
from monitor.proposing.facts import Facts
from monitor.proposing.shape import leaves
from monitor.proposing.table import survey, tabled
from monitor.sources.memory import MemorySource
from monitor.types import TopicPartition

START_MS = 1_767_225_600_000
NOW_MS = START_MS + 86_400_000
PARTITION = TopicPartition("records", 0)


def gathered(*values: bytes | Mapping[str, Any] | None, timestamps_ms: list[int] | None = None) -> Gathered:
    """Return these records, all in one partition; a mapping is written as JSON."""
    source = MemorySource([PARTITION])
    raw = [json.dumps(value).encode() if isinstance(value, Mapping) else value for value in values]
    source.append(PARTITION, raw, timestamps_ms=timestamps_ms)
    return gather(source, max(len(raw), 1))


def facts(values: Iterable[Any], name: str = "x") -> Facts:
    """Return the facts of one field with these values, a second apart; `...` leaves the field out."""
    records = [{"other": 1} | ({} if value is ... else {name: value}) for value in values]
    held = gathered(*records)
    found, _ = leaves(survey(held).shape)
    (leaf,) = [leaf for leaf in found if leaf.path == name]
    return Facts(leaf, tabled(held, [leaf]).columns[name], START_MS + 1000 * np.arange(len(records)))


def proposed(columns: Mapping[str, Iterable[Any]], *, step_ms: int = 100, **settings: Any) -> Proposed:
    """Return the proposal for rows of these columns, `step_ms` apart by their `event_time`; `...` is absent."""
    rows = [
        {"event_time": START_MS + step_ms * i}
        | {name: value for name, value in zip(columns, values, strict=True) if value is not ...}
        for i, values in enumerate(zip(*columns.values(), strict=True))
    ]
    return propose(FileOrigin("records.jsonl"), gathered(*rows), NOW_MS, **settings)


def field_of(config: Config, path: str) -> dict[str, Any]:
    """Return what is set of a field, without defaults."""
    return config.fields[path].model_dump(exclude_unset=True)
