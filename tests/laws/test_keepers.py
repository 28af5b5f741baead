"""What keepers of baselines remember survives anything: saved and loaded they go on, crashed daemons say the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.baseline import PreviousBaselineSpec, TrailingBaselineSpec
from monitor.daemon import Options
from monitor.memory_blocks import MemoryBlocks
from monitor.store.sqlite import Store
from tests.support.keepers import plan_of, second
from tests.support.monitors import Rig, assert_same_state, fetch, make_engine

kinds = st.one_of(
    st.just(PreviousBaselineSpec(path="x")),
    st.builds(
        TrailingBaselineSpec,
        path=st.just("x"),
        windows=st.integers(2, 4),
        quarantine=st.integers(1, 3),
        min_windows=st.integers(1, 2),
        accept_after=st.none() | st.integers(2, 3),
    ),
)
lives = st.lists(st.sampled_from(["usual", "usual", "usual", "fault", "few", "gap"]), min_size=1, max_size=14)
grids = st.sampled_from([1_000, 500])
N = 40


def written(life: list[str]) -> list[list[bytes]]:
    """Return the records of each second of a life."""
    return [
        [] if kind == "gap" else second(n, 60.0 if kind == "fault" else 0.0, n=3 if kind == "few" else N)
        for n, kind in enumerate(life)
    ]


def heard(engine, seconds, at=0):
    """Feed the seconds; return the verdicts and the next offset."""
    found = []
    for values in seconds:
        if values:
            found += [w.verdicts for w in engine.step([fetch(values, at=at)], 0).windows]
            at += len(values)
    return found, at


@settings(max_examples=25, deadline=None)
@given(kind=kinds, life=lives, cut=st.integers(0, 14), pane_ms=grids)
def test_saved_in_blocks_and_loaded_a_keeper_goes_on_to_the_bit(kind, life, cut, pane_ms):
    seconds = written(life)
    plan = plan_of(kind, pane_ms=pane_ms)
    engine = make_engine(plan)
    _, at = heard(engine, seconds[:cut])
    blocks = MemoryBlocks()
    stored = {key: block for key, block in blocks.changed({"k": engine.closer.keeper.state()}).items() if block}
    again = make_engine(plan)
    again.closer.keeper.load(MemoryBlocks().restore(stored)["k"])
    assert_same_state(engine.closer.keeper.state(), again.closer.keeper.state())
    engine_verdicts, _ = heard(engine, seconds[cut:], at)
    # the other engine has the keeper only, so it is told of the same windows
    third = make_engine(plan)
    whole, _ = heard(third, seconds)
    assert whole[len(whole) - len(engine_verdicts) :] == engine_verdicts
    for start in (1_000_000 + 1_000 * len(life), 1_000_000 + 1_000 * (cut + 1)):
        one, other = engine.closer.keeper.view(start, start + 1_000), third.closer.keeper.view(start, start + 1_000)
        assert (one.unknown, one.learning, one.windows, one.suspect) == (
            other.unknown, other.learning, other.windows, other.suspect,
        )  # fmt: skip


def story(directory: Path) -> dict[str, Any]:
    """Return what a store says of windows, events and what the keeper remembers."""
    store = Store(directory)
    try:
        windows = {end: lines for _, end, _, rows, _, lines in store.windows() if rows}
        kept = MemoryBlocks().restore(store.memory())
        return {"windows": windows, "kept": kept, "events": [event.line for event in store.events()][1:]}
    finally:
        store.close()


def lived(kind, life: list[str], fates: list[str], pane_ms: int) -> dict[str, Any]:
    """Return the story of a daemon that has met these fates."""
    with tempfile.TemporaryDirectory() as name:
        options = Options(checkpoint_interval_ms=0 if fates else 10**9)
        rig = Rig(Path(name), plan_of(kind, idle_ms=10**9, pane_ms=pane_ms), options=options, max_poll_records=17)
        for values in written(life):
            rig.append(values)
        rig.start()
        for fate in fates:
            rig.clock.advance(100)
            if fate == "crash":
                rig.restart()
            else:
                rig.rounds(1)
        rig.until_end()
        rig.daemon._drain()
        rig.crash()
        return story(Path(name))


@settings(max_examples=15, deadline=None)
@given(
    kind=kinds,
    life=lives,
    fates=st.lists(st.sampled_from(["round", "round", "round", "crash"]), min_size=1, max_size=30),
    pane_ms=grids,
)
def test_killed_daemons_say_the_same_as_one_that_was_left_alone(kind, life, fates, pane_ms):
    killed, calm = lived(kind, life, fates, pane_ms), lived(kind, life, [], pane_ms)
    assert killed["windows"] == calm["windows"]
    assert killed["events"] == calm["events"]
    assert_same_state(killed["kept"], calm["kept"])


def test_a_window_is_written_once():
    """Of the blocks of a checkpoint only those of new windows, and the head, are new."""
    engine = make_engine(plan_of(TrailingBaselineSpec(path="x", windows=8, quarantine=1, min_windows=1)))
    blocks = MemoryBlocks()
    for number in range(12):
        engine.step([fetch(second(number, n=N), at=N * number)], 0)
        changed = blocks.changed({"k": engine.closer.keeper.state()})
        blocks.taken()
        written_now = [name for (_, name), block in changed.items() if block is not None]
        assert sorted(name.startswith("/sealed/") for name in written_now) in ([False], [False, True, True])


def test_another_kind_starts_afresh():
    with tempfile.TemporaryDirectory() as name:
        rig = Rig(Path(name), plan_of(TrailingBaselineSpec(path="x", windows=3, quarantine=1), idle_ms=10**9))
        for values in written(["usual"] * 6):
            rig.append(values)
        rig.start()
        rig.until_end()
        rig.daemon._drain()
        rig.plan = plan_of(PreviousBaselineSpec(path="x"), idle_ms=10**9)
        view = rig.restart().engine.closer.keeper.view(1_005_000, 1_006_000)
        rig.crash()
    assert view.unknown == "no previous window"
