"""However a log is cut, interleaved, interrupted or handed round, the statistics and verdicts are the same."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from monitor.checkpointing import Options
from monitor.codec import decode
from monitor.engine import Engine
from monitor.protocols import Decoder
from monitor.replay import Replay
from monitor.saving import decode_head
from monitor.store.outbox import Outbox
from monitor.store.sqlite import Store
from monitor.types import Assigned, Fetch, Revoked, SourceEvent, TopicPartition
from tests.support.monitors import (
    BROKEN,
    COUNTRIES,
    FIRST_MS,
    FixedDecoder,
    Rig,
    assert_same_state,
    fetch,
    make_baseline,
    make_plan,
    record,
    tp,
)


@pytest.fixture(autouse=True)
def _quiet():
    """Keep the daemons' logs out of the output of a failing example."""
    with capture_logs():
        yield


BASELINE = make_baseline(segments=[("country", 2, None)])
Log = dict[TopicPartition, list[bytes | None]]
Pieces = list[tuple[int, int]]


@st.composite
def logs(draw: st.DrawFn, partitions: int = 3) -> Log:
    """Return logs whose event times wander forward with disorder, gaps, late rows, rejects and tombstones."""
    sizes = draw(st.lists(st.integers(0, 100), min_size=1, max_size=partitions))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return {tp(number): _values(rng, n) for number, n in enumerate(sizes)}


def _values(rng: np.random.Generator, n: int) -> list[bytes | None]:
    """Return n records; amounts are halves, so that their sums are exact."""
    steps = np.where(rng.random(n) < 0.02, 8_000, rng.integers(-700, 900, n))
    times = FIRST_MS + rng.integers(0, 3_000) + np.cumsum(steps) - np.where(rng.random(n) < 0.05, 2_500, 0)
    kinds, amounts = rng.integers(0, 20, n), rng.integers(0, 1_200, n) / 2
    countries = rng.choice(5, n, p=[0.5, 0.2, 0.1, 0.1, 0.1])
    names = [*COUNTRIES, None]
    good = [record(int(times[i]), amounts[i], names[countries[i]]) for i in range(n)]
    return [BROKEN if kind == 0 else None if kind == 1 else value for kind, value in zip(kinds, good, strict=True)]


pieces = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), max_size=40)
"""Which partition goes on, and by how many records."""

grids = st.sampled_from([(1_000, 1_000), (3_000, 1_000), (2_000, 500)])


@dataclass
class Script:
    """A source that plays a log in prescribed pieces, one or several in a poll, and then whatever is left."""

    log: Log
    pieces: Pieces
    together: int = 1

    def __post_init__(self) -> None:
        self._events = self._play()
        self._paused: frozenset[TopicPartition] = frozenset()
        self.finished = False

    def poll(self, paused: frozenset[TopicPartition], timeout_s: float) -> list[SourceEvent]:
        """Return the next events; nothing once everything has been played."""
        self._paused = paused
        found = [event for _, event in zip(range(self.together), self._events, strict=False)]
        self.finished = not found
        return found

    def _play(self) -> Iterator[SourceEvent]:
        yield Assigned(tuple(self.log))
        at = dict.fromkeys(self.log, 0)
        for number, n in [*self.pieces, *((number, 10_000) for number in range(len(self.log)))]:
            partition = tp(number % len(self.log))
            if at[partition] is not None:
                yield self._fetch(partition, at, n)

    def _fetch(self, partition: TopicPartition, at: dict[TopicPartition, Any], n: int) -> Fetch:
        first = at[partition]
        values = self.log[partition][first : first + n]
        last = first + len(values) == len(self.log[partition])
        at[partition] = None if last else first + len(values)
        return fetch(values, partition=partition, at=first, end=first + len(values) if last else None)

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Do nothing."""

    def commit(self, offsets: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def replayed(log: Log, cut: Pieces, together: int, grid: tuple[int, int]) -> tuple[list[Any], Engine, list[Any]]:
    """Return lines, engine and the states of the windows' profiles of a replay."""
    plan = make_plan(size_ms=grid[0], pane_ms=grid[1], idle_ms=None, baseline=BASELINE)
    decoder: Decoder = FixedDecoder()
    source = Script(log, cut, together)
    replay = Replay(plan, decoder, source, lambda: source.finished)
    profiles: list[Any] = []
    results = replay.results

    def listening() -> Iterator[Any]:
        for result in results():
            profiles.extend(w.profile.state() for w in result.windows if w.profile is not None)
            yield result

    replay.results = listening  # type: ignore[method-assign]
    return list(replay.lines(fields=False)), replay.engine, profiles


@settings(max_examples=20, deadline=None)
@given(log=logs(), one=pieces, other=pieces, together=st.integers(1, 5), grid=grids)
def test_any_batching_of_a_log_gives_the_same_lines_and_counts(log, one, other, together, grid):
    lines, engine, profiles = replayed(log, one, 1, grid)
    lines_again, engine_again, profiles_again = replayed(log, other, together, grid)
    assert [json.dumps(line) for line in lines] == [json.dumps(line) for line in lines_again]
    assert len(profiles) == len(profiles_again)
    for left, right in zip(profiles, profiles_again, strict=True):
        assert_same_state(left, right)
    for partition, state in engine.partitions.items():
        assert state.head(grid[1]) == engine_again.partitions[partition].head(grid[1])
    assert engine.failures == engine_again.failures


@settings(max_examples=25, deadline=None)
@given(log=logs(), cut=pieces, grid=grids)
def test_every_record_is_a_row_a_reject_or_filtered_and_every_row_is_late_or_in_its_pane(log, cut, grid):
    plan = make_plan(size_ms=grid[0], pane_ms=grid[1], idle_ms=None, baseline=BASELINE)
    source = Script(log, cut)
    replay = Replay(plan, FixedDecoder(), source, lambda: source.finished)
    panes: dict[tuple[TopicPartition, int], int] = {}
    for _ in replay.results():
        for partition, state in replay.engine.partitions.items():
            panes |= {(partition, start): pane.rows for start, pane in state.panes.items()}
    for partition, state in replay.engine.partitions.items():
        assert state.records == len(log[partition]) == state.rows + state.rejects.total() + state.filtered
        # panes are looked at after each step, so one that opened and closed within a step is missed
        assert sum(n for (owner, _), n in panes.items() if owner == partition) <= state.rows - state.late_rows
        assert state.rows_after_verdict == 0
    windows = replay.engine.closer.windows
    assert windows == 0 or windows >= 1


def stored(directory: Path) -> dict[str, Any]:
    """Return what a store says in the end, with runs of empty windows joined however they were cut."""
    store = Store(directory)
    outbox = Outbox(store.path)
    try:
        rows = []
        for start, end, windows, n, revised, lines in store.windows():
            if rows and not n and not rows[-1]["rows"]:
                rows[-1] |= {"end": end, "windows": rows[-1]["windows"] + windows}
            else:
                rows.append(
                    {"start": start, "end": end, "windows": windows, "rows": n, "revised": revised, "lines": ""}
                )
            rows[-1]["lines"] = lines if n else ""
        monitor = decode_head(store.get("monitor") or "{}")
        heads = {p: decode_head(head) for p, head in store.heads().items()}
        return {
            "windows": rows,
            "profiles": [(start, end, decode(state)) for start, end, state in store.window_profiles()],
            "heads": heads,
            "panes": {p: {start: decode(state) for start, state in store.panes(p).items()} for p in heads},
            "firing": [(a.fingerprint, a.severity, a.starts_at_ms) for a in outbox.firing()],
            "closer": monitor["closer"],
            "failures": monitor["failures"],
        }
    finally:
        outbox.close()
        store.close()


def assert_same_store(left: dict[str, Any], right: dict[str, Any]) -> None:
    """Fail where two stores tell different stories."""
    for name in ("windows", "heads", "firing", "closer", "failures"):
        assert left[name] == right[name], name
    assert_same_state(left["panes"], right["panes"], "panes")
    for one, other in zip(left["profiles"], right["profiles"], strict=True):
        assert one[:2] == other[:2]
        assert_same_state(one[2], other[2], f"window {one[:2]}")


def write(rig: Rig, log: Log) -> None:
    """Write the log as it will be read."""
    for partition, values in log.items():
        rig.append(values, partition)


def lived(log: Log, grid: tuple[int, int], fates: Sequence[str], n: int, every_ms: int) -> dict[str, Any]:
    """Return what the store says after a life: each fate is `round`, `crash`, `drain` or a change of owner."""
    plan = make_plan(size_ms=grid[0], pane_ms=grid[1], baseline=BASELINE, idle_ms=10**9)
    with tempfile.TemporaryDirectory() as name:
        options = Options(checkpoint_interval_ms=every_ms)
        rig = Rig(Path(name), plan, tuple(log), options=options, max_poll_records=n)
        write(rig, log)
        rig.start()
        for fate in fates:
            rig.clock.advance(100)
            if fate == "crash":
                rig.restart()
            elif fate == "drain":
                rig.daemon._drain()
                rig.restart()
            elif fate in ("revoke", "lose"):
                rig.source.push(Revoked(tuple(log), lost=fate == "lose"), Assigned(tuple(log)))
                rig.rounds(2)
            else:
                rig.rounds(1)
        rig.until_end()
        rig.daemon._drain()
        rig.crash()
        return stored(Path(name))


@settings(max_examples=25, deadline=None)
@given(
    log=logs(),
    grid=grids,
    fates=st.lists(st.sampled_from(["round", "round", "crash", "drain", "revoke", "lose"]), max_size=14),
    n=st.integers(2, 15),
    every_ms=st.sampled_from([0, 250, 10**9]),
)
def test_crashes_drains_and_rebalances_leave_the_store_as_an_undisturbed_life_does(log, grid, fates, n, every_ms):
    assert_same_store(lived(log, grid, fates, n, every_ms), lived(log, grid, [], 50_000, 0))


@settings(max_examples=20, deadline=None)
@given(
    log=logs(),
    moves=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=3, unique_by=lambda move: move[0]),
    n=st.integers(2, 15),
)
def test_partitions_that_come_and_go_one_by_one_are_counted_exactly(log, moves, n):
    plan = make_plan(baseline=BASELINE, idle_ms=10**9)
    with tempfile.TemporaryDirectory() as name:
        rig = Rig(Path(name), plan, tuple(log), max_poll_records=n)
        write(rig, log)
        rig.start()
        rig.rounds(2)
        away = 0
        for number, lost in moves:
            partition = tp(number)
            if partition not in log:
                continue
            rig.source.push(Revoked((partition,), lost=lost))
            rig.rounds(3)
            # windows of these panes were judged, as partial, while the partition was away with its rows
            away += sum(
                decode(pane)["rows"]
                for start, pane in rig.store.panes(partition).items()
                if rig.daemon.engine.closer.judged(start)
            )
            rig.source.push(Assigned((partition,)))
            rig.rounds(2)
        rig.until_end()
        rig.daemon._drain()
        engine = rig.daemon.engine
        open_rows = sum(
            pane.rows
            for state in engine.partitions.values()
            for start, pane in state.panes.items()
            if not engine.closer.judged(start)
        )
        for partition, values in log.items():
            state = engine.partitions[partition]
            assert (state.from_offset, state.next_offset, state.records) == (0, len(values), len(values))
        rows = sum(state.rows - state.late_rows for state in engine.partitions.values())
        after = sum(state.rows_after_verdict for state in engine.partitions.values())
        rig.crash()
        judged = sum(window["rows"] for window in stored(Path(name))["windows"])
        assert judged + open_rows + after + away == rows


@pytest.mark.parametrize("size_ms", [1_000, 4_000])
def test_a_window_of_several_panes_equals_one_that_was_accumulated_directly(size_ms):
    values = [record(FIRST_MS + 37 * i, (i % 90) / 2, ["DE", "FR", None][i % 3]) for i in range(600)]
    log: Log = {tp(0): list(values[::2]), tp(1): list(values[1::2])}
    by_grid = []
    for pane_ms in (size_ms, 500):
        _, _, profiles = replayed(log, [(0, 7), (1, 11)] * 20, 2, (size_ms, pane_ms))
        plan = make_plan(size_ms=size_ms, pane_ms=pane_ms, idle_ms=None, baseline=BASELINE)
        assert plan.grid.pane_ms == pane_ms
        by_grid.append(profiles)
    whole, sliding = by_grid
    # every sliding window that begins where a tumbling one does holds the same
    for number, profile in enumerate(whole[:3]):
        assert_same_state(profile, sliding[number * (size_ms // 500)])
