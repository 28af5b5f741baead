"""Replay: a bounded input, every window closed, the same lines for the same records."""

from __future__ import annotations

import json

import pytest

from monitor.compile import build_decoder
from monitor.config.loader import load
from monitor.replay import Replay, totals
from monitor.types import Assigned, SourceEvent
from tests.support.decoding import fetch_of
from tests.support.monitors import (
    BROKEN,
    FIRST_MS,
    FixedDecoder,
    fetch,
    make_baseline,
    make_engine,
    make_plan,
    record,
    tp,
)

T = FIRST_MS
PLAN = make_plan(baseline=make_baseline(), idle_ms=None)


class Tape:
    """A source that gives prescribed events, one list in each poll."""

    def __init__(self, *polls: list[SourceEvent]) -> None:
        self.polls = [[Assigned((tp(0), tp(1)))], *polls]
        self.paused: list[frozenset] = []

    def poll(self, paused, timeout_s):
        self.paused.append(paused)
        return self.polls.pop(0) if self.polls else []

    def seek(self, partition, offset):
        """Do nothing."""


def seconds(*at, first=0, partition=0, end=None):
    return fetch([record(T + round(s * 1_000)) for s in at], at=first, partition=tp(partition), end=end)


def replay(*polls, plan=PLAN):
    tape = Tape(*polls)
    return Replay(plan, FixedDecoder(), tape, lambda: not tape.polls)


def kinds(lines):
    return [line["kind"] for line in lines]


def test_every_window_with_rows_is_closed_at_the_end():
    lines = list(replay([seconds(0, 2.2, end=2), seconds(1, partition=1, end=1)]).lines())
    assert sorted({line["window_start_ms"] - T for line in lines if line["kind"] == "verdict"}) == [0, 1_000, 2_000]
    assert kinds(lines)[-1] == "summary"


def test_runs_of_empty_windows_are_one_line_however_they_were_found():
    polls = [
        [seconds(0, end=None), seconds(0, partition=1, end=1)],
        [seconds(4.8, first=1)],
        [seconds(8.8, first=2)],
        [seconds(20, first=3, end=4)],
    ]
    lines = list(replay([seconds(0), seconds(0, partition=1, end=1)], [seconds(20, first=1, end=2)]).lines())
    gaps = [line for line in lines if line["kind"] == "gap"]
    assert [(g["window_start_ms"] - T, g["window_end_ms"] - T, g["windows"]) for g in gaps] == [(1_000, 20_000, 19)]
    lines = list(replay(*polls).lines())
    gaps = [line for line in lines if line["kind"] == "gap"]
    assert [(g["window_start_ms"] - T, g["windows"]) for g in gaps] == [(1_000, 3), (5_000, 3), (9_000, 11)]


def test_alerts_come_after_the_verdicts_and_the_summary_last():
    lines = list(replay([fetch([record(T, 1e6)], end=1), fetch([], partition=tp(1), end=0)]).lines())
    assert kinds(lines) == ["verdict"] * 5 + ["check"] * 3 + ["incident", "alert", "summary"]
    assert lines[-1] == {
        "kind": "summary", "records": 1, "rows": 1, "rejects": 0, "filtered": 0, "late_rows": 0, "windows": 1,
        "alerts": 1,
    }  # fmt: skip


def test_records_are_rows_rejects_and_filtered_and_late_rows_are_rows():
    values = [record(T), BROKEN, None, record(T + 9_000), record(T)]
    run = replay([fetch(values, end=5), fetch([], partition=tp(1), end=0)])
    summary = list(run.lines())[-1]
    assert [summary[name] for name in ("records", "rows", "rejects", "filtered", "late_rows")] == [5, 3, 1, 1, 1]


def test_with_fields_the_statistics_follow_their_window():
    lines = list(replay([seconds(0, end=1), fetch([], partition=tp(1), end=0)]).lines(fields=True))
    assert kinds(lines) == ["verdict"] * 5 + ["check"] * 3 + ["field"] * 2 + ["summary"]


def test_no_records_are_a_summary_of_nothing():
    lines = list(replay([fetch([], end=0), fetch([], partition=tp(1), end=0)]).lines())
    assert kinds(lines) == ["summary"]
    assert lines[0]["windows"] == 0


def test_the_same_records_give_the_same_lines():
    polls = [[seconds(*[i / 7 for i in range(70)], end=70), seconds(0, 5, partition=1, end=2)]]
    one, other = (json.dumps(list(replay(*polls).lines())) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("cap", "paused"), [(3, [tp(0)]), (1_000, [])])
def test_a_partition_far_ahead_is_paused(cap, paused):
    tape = Tape([seconds(0, 9), seconds(0, partition=1)])
    run = Replay(
        make_plan(idle_ms=None, max_open_panes=cap, window_checks=()), FixedDecoder(), tape, lambda: not tape.polls
    )
    list(run.lines())
    assert sorted(tape.paused[-1]) == paused


def test_totals_are_those_of_all_partitions():
    engine = make_engine(PLAN, tp(0), tp(1))
    engine.step([seconds(0, 1), seconds(0, partition=1)], 0)
    assert totals(engine)["rows"] == 3


def test_rows_of_files_are_json_whatever_the_topic_holds(tmp_path):
    config = load(
        "name: m\nsource: {kind: kafka, topics: [t], bootstrap_servers: ['b:9092']}\nfields: {a: {type: number}}\n"
        "decoder: {kind: delimited, columns: [a]}\n"
    )
    fetch = fetch_of([b'{"a": 1}'])
    assert len(build_decoder(config, files=True).decode(fetch).batch.columns["a"].valid) == 1
    assert len(build_decoder(config, files=False).decode(fetch).batch.columns["a"].valid) == 0
