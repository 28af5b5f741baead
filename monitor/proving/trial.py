"""One injection: the records of some windows with a fault in them, until somebody is paged for it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from monitor.checkpoint import Checkpoint
from monitor.doping import Fault
from monitor.engine import StepResult
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder
from monitor.proving.course import latest, restored
from monitor.proving.log import Log, as_one, fetch_of
from monitor.proving.records import Records, changed
from monitor.types import Alert, Fetch, IntArray

ROW, TIME = "$row", "$time"
"""Columns beside those of the records: which record a row is, and its event time."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """The records of successive windows from an onset on, and the state of the engine before them.

    `behind_ms` is where the window behind them starts, None where they are the last; `known` pages without a fault
    too. Records are in the order in which event time was reached, so several partitions are mixed as they are in time.
    """

    starts_ms: IntArray
    behind_ms: int | None
    state: Checkpoint
    known: frozenset[str]
    logs: tuple[Log, ...]
    records: Records

    @cached_property
    def _bounds(self) -> list[tuple[int, int]]:
        """The positions of the first record in each partition and of the first behind."""
        behind_ms = self.behind_ms
        end = [log.offsets.size if behind_ms is None else log.position(behind_ms) for log in self.logs]
        return [(log.position(self.start_ms), to) for log, to in zip(self.logs, end, strict=True)]

    @property
    def start_ms(self) -> int:
        """The onset."""
        return int(self.starts_ms[0])

    @cached_property
    def _order(self) -> IntArray:
        reached = [log.reached_ms[a:b] for log, (a, b) in zip(self.logs, self._bounds, strict=True)]
        return np.argsort(np.concatenate(reached), kind="stable")

    def _joined(self, parts: Sequence[IntArray]) -> IntArray:
        return np.concatenate(parts)[self._order]

    @cached_property
    def partitions(self) -> IntArray:
        """Which of the logs each record is from."""
        return self._joined([np.full(b - a, n) for n, (a, b) in enumerate(self._bounds)])

    @cached_property
    def timestamps_ms(self) -> IntArray:
        """Kafka's timestamps."""
        return self._joined([log.timestamps_ms[a:b] for log, (a, b) in zip(self.logs, self._bounds, strict=True)])

    @cached_property
    def steps(self) -> IntArray:
        """Which window, from 0 on, had been reached with each record."""
        reached = self._joined([log.reached_ms[a:b] for log, (a, b) in zip(self.logs, self._bounds, strict=True)])
        return np.searchsorted(self.starts_ms, reached, side="right") - 1

    @cached_property
    def values(self) -> pa.BinaryArray:
        """The records."""
        parts = [as_one(log.values.slice(a, b - a)) for log, (a, b) in zip(self.logs, self._bounds, strict=True)]
        return pa.concat_arrays(parts).take(pa.array(self._order))

    @cached_property
    def fields(self) -> pa.Table:
        """A column a field."""
        return self.records.table(self.values)

    @cached_property
    def table(self) -> pa.Table:
        """The fields, which record each row is, and its event time."""
        times = self._joined([log.times_ms[a:b] for log, (a, b) in zip(self.logs, self._bounds, strict=True)])
        rows = pa.array(np.arange(times.size))
        return self.fields.append_column(ROW, rows).append_column(TIME, pa.array(times).cast(pa.timestamp("ms")))

    def first_offset(self, number: int) -> int:
        """Return the offset of the first record of a partition."""
        return self.logs[number].next_offset(self._bounds[number][0])


@dataclass(frozen=True)
class Caught:
    """Who was paged: in which window from the onset on, counted from 1, and the fields as they were named, in order."""

    delay: int
    named: tuple[str, ...]


def doped_fetches(stretch: Stretch, fault: Fault, field: str, severity: float, seed: int) -> Iterator[list[Fetch]]:
    """Yield the doped records window by window, as they would have been read."""
    table = stretch.table
    doped = fault.apply(table, field, severity, _random(seed, fault.name, field, stretch.start_ms))
    rows: IntArray = doped[ROW].to_numpy()
    values, timestamps = stretch.values.take(pa.array(rows)), stretch.timestamps_ms[rows]
    after = doped[field].combine_chunks()
    others = changed(table[field].combine_chunks().take(pa.array(rows)), after)
    if field == TIME:
        timestamps = after.cast(pa.int64()).to_numpy()
    elif others.size:
        written = stretch.records.written(values.take(pa.array(others)), field, after.take(pa.array(others)))
        values = _put(values, others, written)
    steps = np.maximum.accumulate(stretch.steps[rows]) if rows.size else rows
    partitions = stretch.partitions[rows]
    offsets = [stretch.first_offset(number) for number in range(len(stretch.logs))]
    for step in range(stretch.starts_ms.size):
        fetches = []
        here = np.flatnonzero(steps == step)
        for number, log in enumerate(stretch.logs):
            mine = here[partitions[here] == number]
            if mine.size:
                first, offsets[number] = offsets[number], offsets[number] + mine.size
                numbers = np.arange(first, offsets[number], dtype=np.int64)
                of_mine = values.take(pa.array(mine))
                fetches.append(fetch_of(log.partition, numbers, timestamps[mine], of_mine, offsets[number]))
        yield fetches


def attempt(
    plan: MonitorPlan,
    decoder: Decoder,
    stretch: Stretch,
    fault: Fault,
    field: str,
    severity: float,
    *,
    seed: int,
) -> Caught | None:
    """Return how a fault was caught within the stretch, None where nobody was paged who is not paged without it.

    Deterministic: the same arguments give the same answer.
    """
    engine = restored(plan, decoder, stretch.state)
    now_ms = 0
    for fetches in doped_fetches(stretch, fault, field, severity, seed):
        now_ms = latest(fetches, now_ms)
        if caught := _caught(stretch, engine.step(fetches, now_ms)):
            return caught
    return _caught(stretch, engine.finish())


def _caught(stretch: Stretch, result: StepResult) -> Caught | None:
    """Return what a step says of the fault, if it paged."""
    pages = [alert for alert in result.alerts if alert.status == "firing" and alert.fingerprint not in stretch.known]
    if not pages:
        return None
    end_ms = max(window.end_ms for window in result.windows)
    delay = int(np.searchsorted(stretch.starts_ms, end_ms))
    return Caught(min(max(delay, 1), stretch.starts_ms.size), named_fields(result, pages))


def named_fields(result: StepResult, pages: Sequence[Alert]) -> tuple[str, ...]:
    """Return the fields in the order in which people are told of them: first causes, then what moves with them.

    A cause counts where one of its streams paged; pages without a cause come last.
    """
    paged = {_stream(page.labels) for page in pages}
    named: list[str] = []
    rest: list[str] = []
    for window in reversed(result.windows):
        for incident in window.incidents:
            if paged & {(stream.rule, stream.field, stream.segment) for stream in incident.streams}:
                named.append(incident.field)
                rest += [stream.field for stream in incident.streams]
    return tuple(dict.fromkeys([*named, *rest, *(field for _, field, _ in sorted(paged))]))


def _stream(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels.get("rule", ""), labels.get("field", ""), labels.get("segment", "")


def _put(values: pa.BinaryArray, rows: IntArray, others: pa.BinaryArray) -> pa.BinaryArray:
    """Return the values with others in some rows."""
    source: IntArray = np.arange(len(values), dtype=np.int64)
    source[rows] = len(values) + np.arange(rows.size)
    return pa.concat_arrays([values, others]).take(pa.array(source))


def _random(seed: int, *words: str | int) -> np.random.Generator:
    """Return the randomness of one injection; the same at every severity, so that a worse one has all of a lesser."""
    return np.random.default_rng([seed, *(zlib.crc32(str(word).encode()) for word in words)])
