"""Checks with memory in the engine and the daemon: every row is shown once, and what is remembered is durable."""

from __future__ import annotations

import json

import pytest

from monitor.checkpointing import Options
from monitor.checks import DuplicatesSpec, RangeSpec
from monitor.errors import StoreError
from monitor.memory import CheckMemory, memory_key
from monitor.types import Level
from tests.support.monitors import FIRST_MS, Rig, fetch, make_baseline, make_engine, make_plan, record, tp

T = FIRST_MS
SPEC = DuplicatesSpec(key=("amount",), horizon="1m", max_failure_ratio=0.1)
PLAN = make_plan(row_checks=(RangeSpec(field="amount", max=500.0), SPEC), window_checks=())


def rows(*amounts, at_ms=0, step_ms=0):
    return [record(T + at_ms + i * step_ms, float(amount)) for i, amount in enumerate(amounts)]


def outcomes(windows, name="duplicates"):
    """Return (failures, evaluated rows) of each window that has rows."""
    return [(c.failures, c.rows) for w in windows for c in w.checks if c.check == name]


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path, PLAN)
    yield made
    if hasattr(made, "store"):
        made.crash()


def stored_outcomes(rig):
    """Return (failures, evaluated rows) of the duplicates check in each stored window."""
    lines = [json.loads(line) for *_, text in rig.store.windows() for line in text.splitlines()]
    return [(line["failures"], line["rows"]) for line in lines if line.get("check") == "duplicates"]


def test_a_duplicate_is_counted_in_the_window_of_the_second_row():
    engine = make_engine(PLAN)
    found = engine.step([fetch(rows(1, 2, 1)), fetch(rows(2, 3, at_ms=1_100), at=3)], 0).windows
    found += engine.finish().windows
    assert outcomes(found) == [(1, 3), (1, 2)]


def test_segments_have_counts_of_their_own():
    baseline = make_baseline(segments=[("country", 5, None)])
    engine = make_engine(make_plan(row_checks=(SPEC,), window_checks=(), detectors={}, baseline=baseline))
    values = [record(T, amount, country) for amount, country in [(1, "DE"), (2, "FR"), (1, "FR"), (3, "DE")]]
    engine.step([fetch(values)], 0)
    (window,) = engine.finish().windows
    found = {c.segment: (c.failures, c.rows) for c in window.checks}
    assert (found[""], found["country=DE"], found["country=FR"]) == ((1, 4), (0, 2), (1, 2))


def test_partitions_share_what_is_remembered():
    engine = make_engine(PLAN, tp(0), tp(1))
    engine.step([fetch(rows(1)), fetch(rows(1), partition=tp(1))], 0)
    assert outcomes(engine.finish().windows) == [(1, 2)]


def test_engines_of_one_plan_remember_each_on_its_own():
    first, second = make_engine(PLAN), make_engine(PLAN)
    first.step([fetch(rows(1))], 0)
    second.step([fetch(rows(1))], 0)
    assert outcomes(second.finish().windows) == [(0, 1)]


def test_a_late_row_is_remembered_and_not_counted():
    engine = make_engine(make_plan(row_checks=(SPEC,), window_checks=(), lateness_ms=0))
    found = engine.step([fetch(rows(1, at_ms=5_000))], 0).windows
    found += engine.step([fetch(rows(7, at_ms=0), at=1)], 0).windows
    assert engine.partitions[tp()].late_rows == 1
    found += engine.step([fetch(rows(7, at_ms=5_100), at=2)], 0).windows
    assert outcomes(found + engine.finish().windows) == [(1, 2)]


def test_the_verdict_is_on_the_ratio_without_what_chance_finds():
    spec = DuplicatesSpec(key=("amount",), capacity=10_000, false_positive_ratio=0.001, max_failure_ratio=0.002)
    engine = make_engine(make_plan(row_checks=(spec,), window_checks=(), lateness_ms=0))
    engine.step([fetch(rows(*range(5_000)))], 0)
    engine.step([fetch(rows(*range(100_000, 105_000), at_ms=1_000), at=5_000)], 0)
    (chance,) = engine.memory.chances()
    (outcome,) = engine.finish().windows[-1].checks
    assert 0.002 < chance < 0.1
    # By raw counts it would fail: what is above the tolerance is what chance finds at this load.
    assert outcome.failures > 0.002 * 5_000
    assert outcome.rows == 5_000
    assert outcome.failure_ratio == pytest.approx(max(0.0, (outcome.failures / 5_000 - chance) / (1 - chance)))
    assert outcome.level is Level.OK


def test_with_far_too_many_keys_nothing_is_known():
    spec = DuplicatesSpec(key=("amount",), capacity=100, false_positive_ratio=0.01, max_failure_ratio=0.02)
    engine = make_engine(make_plan(row_checks=(spec,), window_checks=(), lateness_ms=0))
    engine.step([fetch(rows(*range(20_000)))], 0)
    engine.step([fetch(rows(*range(100_000, 105_000), at_ms=1_000), at=20_000)], 0)
    (outcome,) = engine.finish().windows[-1].checks
    assert outcome.failures > 1_000
    assert (outcome.level, outcome.reason) == (Level.UNKNOWN, "too many keys")


def test_rows_read_again_after_a_partition_was_lost_are_not_shown_twice():
    engine = make_engine(PLAN)
    engine.step([fetch(rows(1, 2, 3))], 0)
    engine.revoke(tp())
    again = make_engine(PLAN)
    engine.assign(again.partitions[tp()])
    engine.step([fetch(rows(1, 2)), fetch(rows(3, 4, 1), at=2)], 0)
    # Of five rows three were seen before: they are not evaluated, the fourth is new, the fifth a duplicate.
    assert outcomes(engine.finish().windows) == [(1, 2)]
    assert engine.memory.seen_until == {}


def test_how_far_a_lost_partition_was_seen_outlives_a_restart():
    engine = make_engine(PLAN)
    engine.step([fetch(rows(1, 2, 3))], 0)
    engine.revoke(tp())
    again = make_engine(PLAN)
    again.load(json.loads(json.dumps(engine.state())))
    again.memory.load(engine.memory.states())
    again.step([fetch(rows(1, 2, 3, 4))], 0)
    assert outcomes(again.finish().windows) == [(0, 1)]


def test_marks_that_are_damaged_are_refused():
    state = make_engine(PLAN).state()
    with pytest.raises(StoreError, match="reset the checkpoint"):
        make_engine(PLAN).load({**state, "seen_until": [["t", 0]]})


def test_the_record_as_key_is_hashed_where_it_is_wanted():
    engine = make_engine(make_plan(row_checks=(DuplicatesSpec(key="record"),), window_checks=()))
    one, other = rows(1, 2)
    engine.step([fetch([one, None, b"broken", other, one])], 0)
    assert outcomes(engine.finish().windows) == [(1, 3)]


def test_without_a_check_that_remembers_nothing_is_kept():
    engine = make_engine(make_plan())
    engine.step([fetch(rows(1))], 0)
    engine.revoke(tp())
    assert (engine.memory.states(), engine.memory.chances(), engine.memory.seen_until) == ({}, [], {})


def test_what_is_remembered_belongs_to_the_settings_that_shape_it():
    same = SPEC.model_copy(update={"max_failure_ratio": 0.5, "severity": "critical"})
    other = SPEC.model_copy(update={"key": ("country",)})
    keys = [memory_key(spec.build()) for spec in (SPEC, same, other)]
    assert keys[0] == keys[1] != keys[2]
    memory = CheckMemory([other.build()])
    memory.load(CheckMemory([SPEC.build()]).states())


@pytest.mark.parametrize("crash_after", [1, 2, 3, 5])
def test_after_a_crash_nothing_that_is_read_again_is_a_duplicate(rig, crash_after):
    """Checkpoints are rare, so the crash loses rounds; what follows is read again and was never seen."""
    rig.options, rig.max_poll_records = Options(checkpoint_interval_ms=250), 7
    amounts = [*range(40), 3, 11, *range(40, 60)]
    rig.append(rows(*amounts, step_ms=40))
    rig.append(rows(999, at_ms=60_000))
    rig.start()
    for _ in range(crash_after):
        rig.clock.advance(100)
        rig.rounds(1)
    rig.restart()
    rig.until_end()
    found = stored_outcomes(rig)
    assert sum(failures for failures, _ in found) == 2
    assert sum(n for _, n in found) == len(amounts)


def test_duplicates_across_a_crash_are_found(rig):
    rig.append(rows(*range(10)))
    rig.start()
    rig.until_end()
    assert rig.store.memory()
    rig.append(rows(3, 20, 4, at_ms=100))
    rig.append(rows(999, at_ms=60_000))
    rig.restart()
    rig.until_end()
    assert stored_outcomes(rig) == [(2, 13)]


def test_a_check_that_is_gone_leaves_nothing_in_the_store(rig):
    rig.append(rows(*range(10)))
    rig.start()
    rig.until_end()
    assert rig.store.memory()
    rig.plan = make_plan()
    rig.append(rows(*range(10), at_ms=100))
    rig.restart()
    rig.until_end()
    assert {key for key, _ in rig.store.memory()} == {"causes"}
