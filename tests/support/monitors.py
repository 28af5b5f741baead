"""A small monitor in memory: records of fixed width, a plan, and a daemon that can crash at any moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.baseline import Baseline, BaselineBuilder
from monitor.checkpointing import DeadLetters
from monitor.checks import NullableSpec, RangeSpec, VolumeSpec
from monitor.clock import ManualClock
from monitor.daemon import Daemon, Options
from monitor.decoded import Decoded, Rejects
from monitor.decoders import DecodePlan, EventTimePlan
from monitor.detectors import DetectorSpec
from monitor.detectors.ks import KolmogorovSmirnovSpec
from monitor.detectors.presence import MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.detectors.wasserstein import WassersteinSpec
from monitor.engine import Engine
from monitor.epochs import Change
from monitor.gating import HeldNow
from monitor.in_force import EpochView
from monitor.meters import Meters
from monitor.partition import PartitionState
from monitor.plan import FieldDetector, Hysteresis, MonitorPlan
from monitor.protocols import Decoder
from monitor.snapshot import LettersView, Snapshot
from monitor.sources.memory import MemorySource
from monitor.sources.records import build_fetch, empty_fetch
from monitor.store.outbox import SinkRoute
from monitor.store.sqlite import Store
from monitor.succession import Successor
from monitor.types import Batch, Column, Fetch, FieldType, Presence, TopicPartition
from monitor.windows import PaneGrid

FIELDS: Mapping[str, FieldType] = {"amount": "number", "country": "category"}
COUNTRIES = ("DE", "FR", "US", "NL")
_RECORD = np.dtype([("at", "<i8"), ("amount", "<f8"), ("country", "u1")])
_NULL = 255
BROKEN = b"broken"
"""A record that no decoder understands."""
FIRST_MS = 1_000_000
"""Where the event times of tests begin."""


def tp(number: int = 0, topic: str = "t") -> TopicPartition:
    """Return a partition of the topic `t`."""
    return TopicPartition(topic, number)


def record(at_ms: int, amount: float = 1.0, country: str | None = "DE") -> bytes:
    """Return a record; a country of None is null."""
    code = _NULL if country is None else COUNTRIES.index(country)
    return np.array([(at_ms, amount, code)], _RECORD).tobytes()


class FixedDecoder:
    """Decodes what `record` makes; everything of another length is a reject, tombstones are filtered."""

    def decode(self, fetch: Fetch) -> Decoded:
        """Return columns `amount` and `country`."""
        present = np.asarray(fetch.values.is_valid())
        sizes = np.asarray(pc.fill_null(pc.binary_length(fetch.values), 0))
        good = present & (sizes == _RECORD.itemsize)
        values = fetch.values.filter(pa.array(good))
        rows = np.frombuffer(b"".join(values.to_pylist()), _RECORD)
        codes = rows["country"]
        names = pa.array([COUNTRIES[code] if code != _NULL else "" for code in codes.tolist()], pa.string())
        columns = {
            "amount": Column(
                rows["amount"].copy(), np.where(np.isnan(rows["amount"]), Presence.NAN, 0).astype(np.uint8)
            ),
            "country": Column(names, np.where(codes == _NULL, Presence.NULL, 0).astype(np.uint8)),
        }
        index = np.flatnonzero(good)
        rejected = np.flatnonzero(present & ~good)
        batch = Batch(
            fetch.partition, fetch.offsets[index], fetch.timestamps_ms[index], rows["at"].astype(np.int64), columns
        )
        return Decoded(batch, Rejects(rejected, ("malformed",) * len(rejected)), int((~present).sum()))


def fetch(
    values: Sequence[bytes | None], *, partition: TopicPartition | None = None, at: int = 0, end: int | None = None
) -> Fetch:
    """Return a fetch of records from offset `at` on; `end` is the end that the broker confirmed with it."""
    partition = partition or tp()
    n = len(values)
    if not n:
        return empty_fetch(partition, at, end)
    made = build_fetch(partition, range(at, at + n), [-1] * n, [None] * n, values, [None] * n, append_time=False)
    return Fetch(made.partition, made.offsets, made.timestamps_ms, made.keys, made.values, None, made.next_offset, end)


def batch_of(values: Sequence[bytes], *, partition: TopicPartition | None = None, at: int = 0) -> Batch:
    """Return decoded records."""
    return FixedDecoder().decode(fetch(values, partition=partition, at=at)).batch


def usual(n: int, seed: int = 1) -> list[bytes]:
    """Return n records as they should be; amounts are halves, so that their sums are exact."""
    rng = np.random.default_rng(seed)
    amounts = np.round(rng.gamma(4.0, 10.0, n) * 2) / 2
    countries = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    return [record(FIRST_MS + i, amounts[i], COUNTRIES[countries[i]]) for i in range(n)]


def make_baseline(
    records: Sequence[bytes] | None = None,
    *,
    fields: Mapping[str, FieldType] = FIELDS,
    segments: Sequence[tuple[str, int, tuple[str, ...] | None]] = (),
) -> Baseline:
    """Return the baseline of usual records, or of those given."""
    builder = BaselineBuilder(fields, segments, max_categories=100, max_rows=100_000)
    builder.add(batch_of(usual(2_000) if records is None else records))
    return builder.build()


DETECTORS: Mapping[str, Sequence[Any]] = {
    "amount": (
        PsiSpec(min_rows=5),
        KolmogorovSmirnovSpec(min_rows=5),
        WassersteinSpec(min_rows=5),
    ),
    "country": (PsiSpec(min_rows=5), MissingSpec(min_rows=5)),
}
USUAL_HYSTERESIS = Hysteresis()
ROW_CHECKS: Sequence[Any] = (RangeSpec(field="amount", max=500.0), NullableSpec(field="country", max_failure_ratio=0.2))


def make_plan(
    *,
    size_ms: int = 1_000,
    pane_ms: int | None = None,
    lateness_ms: int = 500,
    idle_ms: int | None = 60_000,
    baseline: Baseline | None = None,
    fields: Mapping[str, FieldType] = FIELDS,
    detectors: Mapping[str, Sequence[DetectorSpec]] = DETECTORS,
    row_checks: Sequence[Any] = ROW_CHECKS,
    window_checks: Sequence[Any] = (VolumeSpec(),),
    hysteresis: Hysteresis = USUAL_HYSTERESIS,
    max_open_panes: int = 1_000,
) -> MonitorPlan:
    """Return a plan; without a baseline it has checks only."""
    found = [
        FieldDetector(path, spec.kind, spec, built := spec.build(), built.needs(path, fields[path]))
        for path, specs in detectors.items()
        if path in fields and baseline is not None
        for spec in specs
    ]
    more = {} if baseline is None else {"segmenter": baseline.segmenter, "baseline": baseline}
    return MonitorPlan(
        monitor="m",
        decode=DecodePlan(dict(fields), EventTimePlan("at", "ms", 3_600_000), 1 << 20, 64),
        grid=PaneGrid(size_ms, pane_ms or size_ms),
        lateness_ms=lateness_ms,
        idle_ms=idle_ms,
        detectors=tuple(found),
        row_checks=tuple(spec.build() for spec in row_checks),
        window_checks=tuple(spec.build() for spec in window_checks),
        hysteresis=hysteresis,
        max_open_panes=max_open_panes,
        **more,
    )


def make_engine(plan: MonitorPlan, *partitions: TopicPartition) -> Engine:
    """Return an engine that owns the partitions from offset 0 on."""
    engine = Engine(plan, FixedDecoder())
    for partition in partitions or (tp(),):
        engine.assign(PartitionState(partition, 0, 0))
    return engine


class Bell:
    """Stands for the dispatcher: notes what the daemon tells it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.alive = True
        self.notifications: dict[tuple[str, str], int] = {}
        self.outbox_size: dict[str, int] = {}
        self.sink_open: dict[str, int] = {}
        self.held = HeldNow()

    def hold(self) -> None:
        """Note it."""
        self.heard.append("hold")

    def release(self) -> None:
        """Note it."""
        self.heard.append("release")

    def wake(self) -> None:
        """Note it."""
        self.heard.append("wake")


class Letters:
    """Dead letters that are acknowledged only while `acknowledging`."""

    def __init__(self) -> None:
        self.acknowledging = True
        self.full = False
        self.sent: list[tuple[TopicPartition, list[int]]] = []
        self.counts: dict[tuple[str, str], int] = {}
        self.view = LettersView("dead")
        self.records = 0

    def send(self, fetch: Fetch, rejects: Rejects) -> None:
        """Keep the offsets of those that there are, and how many records it was told of."""
        self.records += len(fetch)
        if len(rejects):
            self.sent.append((fetch.partition, fetch.offsets[rejects.index].tolist()))

    def flush(self, timeout_s: float) -> bool:
        """Return whether they are acknowledged."""
        return self.acknowledging


EVERY_ROUND = Options(checkpoint_interval_ms=0)
ROUTES = (SinkRoute("pager"),)


@dataclass
class Rig:
    """A daemon over a log in memory and a store on disk; `crash` and `start` again as often as you like."""

    directory: Path
    plan: MonitorPlan
    partitions: Sequence[TopicPartition] = (TopicPartition("t", 0),)
    options: Options = EVERY_ROUND
    max_poll_records: int = 50_000
    letters: DeadLetters | None = None
    decoder: Decoder = field(default_factory=FixedDecoder)
    log: dict[TopicPartition, list[Fetch]] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=lambda: ManualClock(FIRST_MS))

    def start(self, *, first: str = "earliest", configuration: str = "") -> Daemon:
        """Open the store and a daemon on it; nothing has been polled yet."""
        self.source = MemorySource(self.partitions, log=self.log, start=first, max_poll_records=self.max_poll_records)
        self.store = Store(self.directory)
        self.meters = Meters(self.clock.monotonic_s)
        self.bell = Bell()
        self.snapshots: list[Snapshot] = []
        self.daemon = Daemon(
            Engine(self.plan, self.decoder, self.meters.stage),
            self.source,
            self.store,
            self.clock,
            self.meters,
            self.snapshots.append,
            dispatcher=self.bell,  # type: ignore[arg-type]
            dead_letters=self.letters,
            routes=ROUTES,
            options=self.options,
            change=Change(configuration),
        )
        return self.daemon

    def append(self, values: Sequence[bytes | None], partition: TopicPartition | None = None) -> None:
        """Write records to the log; those of a running source are seen at its next poll."""
        writer = MemorySource(log=self.log)
        writer.append(partition or tp(), values)

    def rounds(self, n: int) -> None:
        """Let the data thread go round n times."""
        for _ in range(n):
            self.daemon._round()

    def until_end(self) -> None:
        """Go round until everything in the log is read, and once more."""
        for _ in range(10_000):
            self.daemon._round()
            states = self.daemon.engine.partitions
            if not self.source._events and states and all(state.at_end for state in states.values()):
                self.daemon._round()
                return
        raise AssertionError("the end is never reached")

    def succeed(self, plan: MonitorPlan, *, routes: Sequence[SinkRoute] = ROUTES, **change: Any) -> Future[EpochView]:
        """Hand a running daemon another plan, which it takes in its next round; return what becomes of that."""
        self.plan = plan
        engine = Engine(plan, self.decoder, self.meters.stage)
        successor = Successor(engine, Change(**{"occasion": "reload"} | change), self.options, routes, self.letters)
        self.daemon.succession.add(successor)
        return successor.result

    def crash(self) -> None:
        """End without a drain, as the kernel would; what is not committed is gone."""
        self.store.close()

    def restart(self) -> Daemon:
        """Crash and start again."""
        self.crash()
        return self.start()


def assert_same_state(left: Any, right: Any, path: str = "") -> None:
    """Fail unless two states are equal: integers exactly, floats to 1e-12, sketches (which draw lots) not at all."""
    if isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left.keys() - {"sketch", "digest"}:
            assert_same_state(left[key], right[key], f"{path}/{key}")
    elif isinstance(left, np.ndarray) and left.dtype.kind == "f":
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12, err_msg=path)
    elif isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right, err_msg=path)
    else:
        assert left == right, path
