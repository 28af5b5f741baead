"""One injection: it goes on from the undoped prefix, and is judged as a replay of the doped records would be."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from monitor.doping import FAULTS
from monitor.lines import window_lines
from monitor.proving.course import latest, restored
from monitor.proving.dope import Wanted, open_bench
from monitor.proving.survey import TIME, onsets_of
from monitor.proving.trial import doped_fetches
from monitor.replaying import open_replay
from tests.support.proving import build_orders

WANTED = Wanted(within=6, onsets=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Orders with a baseline."""
    return build_orders(tmp_path_factory.mktemp("orders"), windows=16)


@pytest.fixture(scope="module", params=[None, "part"])
def opened(request, made):
    """The bench of a configuration, and the lines of an undoped replay; of one partition and of two."""
    config = made.config()
    replay = open_replay(config, [str(made.input)], partition_column=request.param)
    lines = [
        line
        for result in replay.results()
        for window in result.windows
        for line in window_lines(replay.engine.plan, window)
    ]
    bench, course = open_bench(config, [str(made.input)], WANTED, partition_column=request.param)
    return bench, course, lines


def test_going_on_from_an_onset_without_a_fault_says_what_the_whole_replay_says(opened):
    bench, course, lines = opened
    assert course.windows == 16
    for stretch in bench.stretches:
        engine, found, now_ms = restored(bench.plan, bench.decoder, stretch.state), [], 0
        for fetches in doped_fetches(stretch, FAULTS["mean_shift"], "order.amount", 0.0, 0):
            now_ms = latest(fetches, now_ms)
            found += engine.step(fetches, now_ms).windows
        found += engine.finish().windows
        own = [line for window in found for line in window_lines(bench.plan, window)]
        wanted = [line for line in lines if stretch.start_ms <= line["window_start_ms"] <= stretch.starts_ms[-1]]
        assert len(wanted) > 20
        assert [line for line in own if line["window_start_ms"] >= stretch.start_ms] == wanted


def test_only_records_that_the_fault_changes_are_written_anew(opened):
    bench, _, _ = opened
    stretch = bench.stretches[0]
    doped = [fetch for fetches in doped_fetches(stretch, FAULTS["null_burst"], "country", 0.2, 0) for fetch in fetches]
    before = stretch.values.to_pylist()
    after = [line for fetch in doped for line in fetch.values.to_pylist()]
    assert sorted(line for line in after if line in set(before)) == sorted(
        line for line in before if line in set(after)
    )
    nulls = [line for line in map(json.loads, after) if line["country"] is None]
    assert len(nulls) == len(after) - sum(line in set(before) for line in after)
    assert 0.1 < len(nulls) / len(after) < 0.3


@pytest.mark.parametrize("name", ["duplicates", "volume_drop", "late_rows"])
def test_offsets_go_on_from_the_prefix_and_only_forwards(opened, name):
    bench, _, _ = opened
    stretch = bench.stretches[-1]
    next_offset = {log.partition: log.next_offset(log.position(stretch.start_ms)) for log in stretch.logs}
    for fetches in doped_fetches(stretch, FAULTS[name], TIME, 0.3, 0):
        for fetch in fetches:
            assert int(fetch.offsets[0]) == next_offset[fetch.partition]
            assert np.all(np.diff(fetch.offsets) > 0)
            next_offset[fetch.partition] = fetch.next_offset


def test_a_gross_fault_is_caught_in_the_first_window_and_named(opened):
    bench, _, _ = opened
    caught = bench.inject(bench.stretches[0], FAULTS["null_burst"], "country", 0.9)
    assert caught.delay == 1
    assert caught.named[0] == "country"
    assert bench.inject(bench.stretches[0], FAULTS["null_burst"], "country", 0.9) == caught


def test_what_pages_without_the_fault_too_is_not_caught(opened):
    bench, _, _ = opened
    stretch = bench.stretches[0]
    fault = FAULTS["volume_drop"]
    assert bench.inject(stretch, fault, TIME, 0.9).named == ("",)
    engine = restored(bench.plan, bench.decoder, stretch.state)
    pages = set()
    for fetches in doped_fetches(stretch, fault, TIME, 0.9, 0):
        pages |= {alert.fingerprint for alert in engine.step(fetches, 0).alerts}
    pages |= {alert.fingerprint for alert in engine.finish().alerts}
    assert bench.inject(replace(stretch, known=frozenset(pages)), fault, TIME, 0.9) is None


def test_onsets_are_in_the_second_half_and_leave_room_for_the_windows():
    assert onsets_of(range(100), 20, 3) == [50, 56, 62, 68, 74, 80]
    assert onsets_of(range(10), 8, 3) == [2]
    assert onsets_of(range(5), 8, 3) == []
