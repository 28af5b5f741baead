"""Judging anew from profiles says what the engine that folded the rows says, whatever is remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest

from monitor.backtesting.rejudging import Rejudge, stored_history
from monitor.backtesting.running import judged
from monitor.checkpoint import StoredWindow
from monitor.compile import build_decoder, compile_plan
from monitor.config.loader import load
from monitor.outcomes import EPOCH_CHANGE, PARTIAL
from monitor.replay import Replay
from monitor.saving import stored_window
from monitor.sources.memory import MemorySource
from tests.support.models import CONFIGURATION, START_MS, TOPIC, baseline_of, configured, lines, outcomes

BASELINE = "baseline: {kind: KIND, path: nowhereMORE}"
MORE = """
drift: [{kind: psi}, {kind: mean_shift}]
checks:
  - {kind: volume, min_per_window: 1}
  - {kind: duplicates, key: [id], horizon: 1m}
  - {kind: sql, name: late, expression: "score < 0.9"}
sequential: [{kind: page_hinkley, field: score, statistic: mean, segments: true}]
"""
CASES = {
    "file": ("file", "", ""),
    "trailing": ("trailing", ", windows: 6, quarantine: 1, min_windows: 2", ""),
    "budget": ("file", "", "policy: {kind: budget, false_pages: 1, per: 40s}\n"),
}


@cache
def of(case: str):
    """Return a configuration with its plan."""
    kind, more, policy = CASES[case]
    baseline = BASELINE.replace("KIND", kind).replace("MORE", more)
    text = CONFIGURATION.format(
        model="metrics: [{kind: auc, min: {warning: 0.7, critical: 0.3}}]",
        id="",
        baseline=baseline,
        segments="values: [DE, FR]",
    )
    config = load(text + MORE + policy, {})
    return config, compile_plan(config, baseline_of(config, outcomes(4_000, seed=9)), bounded=True)


def records():
    """Return 24 seconds of which the ninth to the twelfth have other labels, and then nothing comes for a while."""
    rows = outcomes(800) + outcomes(400, seed=2, flip=0.5, start_ms=START_MS + 8_000)
    rows += [
        {**row, "score": round(float(row["score"]) ** 3, 4)}
        for row in outcomes(400, seed=3, start_ms=START_MS + 12_000)
    ]
    rows += outcomes(800, seed=4, start_ms=START_MS + 20_000)
    return lines(rows)


def heard(config, plan):
    """Return the replay, and what it says window by window."""
    source = MemorySource([TOPIC], max_poll_records=300)
    source.append(TOPIC, records())
    ended = lambda: source.log[TOPIC][-1].next_offset <= replay.engine.partitions[TOPIC].next_offset  # noqa: E731
    replay = Replay(plan, build_decoder(config, files=True), Quiet(source), ended)
    return replay, judged(replay.results())


class Quiet:
    """A source that gives nothing rather than fetches without records."""

    def __init__(self, inner: MemorySource) -> None:
        self.seek, self._inner = inner.seek, inner

    def poll(self, paused, timeout_s):
        events = self._inner.poll(paused, timeout_s)
        return [event for event in events if not hasattr(event, "offsets") or len(event)]


def said(found):
    """Return what a window says, without where it came from."""
    window = found.window
    return replace(window, profile=None, baseline=None), found.alerts


@pytest.mark.parametrize("case", ["trailing", "budget"])
def test_a_follower_with_the_same_plan_says_the_same(case):
    config, plan = of(case)
    replay, windows = heard(config, plan)
    follower = Rejudge(plan, replay.engine.decoder)
    alerts = 0
    for each in windows:
        (again,) = follower.hear(each.window, replay.engine.memory.chances())
        assert said(again) == said(each)
        alerts += len(each.alerts)
    assert alerts > 4
    assert follower.engine.budget.view == replay.engine.budget.view


def test_stored_windows_say_the_same_but_for_what_remembers_rows():
    config, plan = of("file")
    replay, windows = heard(config, plan)
    stored, expected = [], []
    for each in windows:
        stored.append(stored_window(plan, each.window))
        expected.append(each)
    rejudge = Rejudge(plan, replay.engine.decoder)
    found = list(stored_history(rejudge, stored))
    assert [(f.window.verdicts, f.window.checks) for f in found] == [
        (e.window.verdicts, e.window.checks) for e in expected
    ]
    lost = {alert.labels["rule"] for each in expected for _, alert in each.alerts} - {
        alert.labels["rule"] for each in found for _, alert in each.alerts
    }
    assert lost == {"model.auc"}
    assert lost <= {rule for rule, _ in rejudge.lacking}


def test_windows_of_another_length_are_passed_over_and_counted():
    _, plan = of("file")
    rejudge = Rejudge(plan, build_decoder(configured(), files=True))
    long = StoredWindow(START_MS, START_MS + 5_000, 1, 0, "")
    run = StoredWindow(START_MS, START_MS + 5_000, 5, 0, "")
    (found,) = stored_history(rejudge, [long, run])
    assert (found.window.windows, rejudge.passed_over) == (5, 1)


@pytest.mark.parametrize("reason", [PARTIAL, EPOCH_CHANGE])
def test_a_window_of_which_nothing_was_known_is_unknown_again(reason):
    config, plan = of("file")
    _, windows = heard(config, plan)
    stored = stored_window(plan, next(windows).window)
    told = [json.loads(line) | {"reason": reason} for line in stored.lines.splitlines()]
    stored = replace(stored, lines="\n".join(map(json.dumps, told)))
    (found,) = stored_history(Rejudge(plan, build_decoder(config, files=True)), [stored])
    assert {verdict.reason for verdict in found.window.verdicts} == {reason}
    assert {outcome.reason for outcome in found.window.checks} == {reason}
