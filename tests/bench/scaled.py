"""A monitor of any size: so many fields, segments and detectors, with records and a baseline for it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.baseline import BaselineFiles
from monitor.building import build_baseline
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.sources.memory import MemorySource
from monitor.types import Assigned, Fetch, TopicPartition
from tests.bench.records import FIRST_MS

PARTITION = TopicPartition("bench", 0)
DETECTORS = ("psi", "ks", "js", "hellinger", "kl", "tv", "chi2", "wasserstein")
"""Taken in this order; all of them compare numbers."""
_BASELINE_ROWS = 20_000
_CATEGORIES = 12
_EVERY = 5
"""Every fifth field is a category, the others are numbers."""


@dataclass(frozen=True)
class Shape:
    """The size of a monitor. A window has `rows` rows and `panes` panes; `segments` 0 is none at all."""

    fields: int = 10
    segments: int = 0
    detectors: int = 2
    panes: int = 1
    rows: int = 10_000

    @property
    def window_ms(self) -> int:
        """The window's length."""
        return 60_000

    def config(self, directory: Path, **more: Any) -> Config:
        """Return the configuration, without looking for the baseline; `more` replaces whole sections."""
        return load(json.dumps(self.settings(directory) | more))

    def settings(self, directory: Path) -> dict[str, Any]:
        """Return what the configuration is read from."""
        kinds = [{"kind": kind} for kind in DETECTORS[: self.detectors]]
        of_categories = [kind for kind in kinds if kind["kind"] not in ("ks", "wasserstein")]
        fields: dict[str, Any] = {}
        for number in range(self.fields):
            category = number % _EVERY == _EVERY - 1
            fields[f"f{number:03}"] = (
                {"type": "category", "drift": of_categories} if category else {"type": "number", "drift": kinds}
            )
        segments = []
        if self.segments:
            fields["segment"] = {"type": "category", "drift": []}
            values = [f"s{number:03}" for number in range(self.segments)]
            segments = [{"field": "segment", "max": self.segments, "values": values}]
        return {
            "name": "bench",
            "source": {"kind": "kafka", "bootstrap_servers": "none:9092", "topics": ["bench"], "group_id": "bench"},
            "time": {"lateness": "1s", "max_ahead": "1000d"},
            "window": {"size": f"{self.window_ms}ms", "pane": f"{self.window_ms // self.panes}ms"},
            "segments": segments,
            "baseline": {"kind": "file", "path": str(directory / self.label / "baseline")},
            "fields": fields,
            "drift": [],
            "store": {"path": str(directory / self.label / "store")},
            "http": {"listen": "127.0.0.1:0"},
            "limits": {"max_series": 1_000_000},
        }

    @property
    def label(self) -> str:
        """The name of its directory; monitors whose baselines are alike share one."""
        return f"{self.fields}x{self.segments}"

    def records(self, n: int, seed: int) -> list[bytes]:
        """Return `n` JSON records; their event time is the record's timestamp, so they can be used again and again."""
        rng = np.random.default_rng(seed)
        columns: list[list[str]] = []
        for number in range(self.fields):
            if number % _EVERY == _EVERY - 1:
                values = [f'"v{value}"' for value in rng.integers(0, _CATEGORIES, n)]
            else:
                values = [repr(value) for value in np.round(rng.lognormal(3, 1, n), 2).tolist()]
            columns.append([f'"f{number:03}":{value}' for value in values])
        if self.segments:
            columns.append([f'"segment":"s{value:03}"' for value in rng.integers(0, self.segments, n)])
        return [("{" + ",".join(parts) + "}").encode() for parts in zip(*columns, strict=True)]

    def with_baseline(self, directory: Path) -> Config:
        """Return the configuration; builds its baseline where there is none."""
        config = self.config(directory)
        path = Path(config.baseline.path)  # type: ignore[union-attr]
        if not path.exists():
            # Built for one pane, so that all numbers of panes can share it.
            alike = replace(self, panes=1).config(directory)
            source = MemorySource([PARTITION])
            times = [FIRST_MS + i * self.window_ms // self.rows for i in range(_BASELINE_ROWS)]
            source.append(PARTITION, self.records(_BASELINE_ROWS, seed=2), timestamps_ms=times)
            built = build_baseline(alike, source, "bench", FIRST_MS)
            BaselineFiles(path).save(built.baseline, built.lineage)
        return config


def block(shape: Shape, size: int, seed: int = 1) -> pa.Array:
    """Return `size` records as one array that every fetch may share."""
    return pa.array(shape.records(size, seed), pa.binary())


def fetch_of(values: pa.Array, start: int, times_ms: Any, end: int | None = None) -> Fetch:
    """Return a fetch of these records at these event times, the first of them at offset `start`."""
    n = len(values)
    return Fetch(
        PARTITION, np.arange(start, start + n), times_ms, pa.nulls(n, pa.binary()), values, None, start + n, end
    )


def times_of(shape: Shape, start: int, n: int) -> Sequence[int]:
    """Return the event times of records `start` to `start + n`: each window has `rows` of them, evenly."""
    return FIRST_MS - FIRST_MS % shape.window_ms + np.arange(start, start + n) * shape.window_ms // shape.rows


class Stream:
    """A source that makes its records up: every window has the same rows, all of them different, in one shared array.

    It ends after `windows`, and one fetch more, whose rows let the last of them close. With `pause_s` it waits so
    long before each fetch, as a topic does that has no backlog.
    """

    commit_failures = 0

    def __init__(self, shape: Shape, windows: int, fetch: int, *, pause_s: float = 0.0) -> None:
        self._shape = shape
        self._values = block(shape, shape.rows)
        self._fetch = fetch
        self._end = windows * shape.rows + min(fetch, shape.rows)
        self._next: int | None = None
        self._assigned = False
        self._pause_s = pause_s
        self.gaps: dict[Any, int] = {}

    def poll(self, paused: Any, timeout_s: float) -> list[Any]:
        """Return the assignment, then the next fetch."""
        if not self._assigned:
            self._assigned = True
            return [Assigned((PARTITION,))]
        at = self._next
        if at is None or at >= self._end:
            return []
        if self._pause_s:
            time.sleep(self._pause_s)
        values = self._values[at % self._shape.rows :][: self._fetch]
        self._next = at + len(values)
        return [fetch_of(values, at, times_of(self._shape, at, len(values)), self._end)]

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Go on from there."""
        self._next = offset or 0

    def commit(self, offsets: Any) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def resolve_start(self, partition: TopicPartition) -> int:
        """Return the beginning."""
        return 0

    def beginnings(self) -> dict[TopicPartition, int]:
        """Return the beginning."""
        return {PARTITION: 0}

    def ends(self) -> dict[TopicPartition, int]:
        """Return the end."""
        return {PARTITION: self._end}

    def partition_count(self) -> int:
        """Return one."""
        return 1

    def restart(self) -> bool:
        """Do nothing."""
        return True

    def topic_ids(self) -> dict[str, str]:
        """Return nothing."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return nothing."""
        return {}
