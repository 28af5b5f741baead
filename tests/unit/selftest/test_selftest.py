"""The continuous self-test: it finds out what would be noticed, and leaves everything as it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from monitor.codec import encode
from monitor.config.loader import load
from monitor.doping.settings import SelfTestSpec
from monitor.export.selftest_metrics import SELF_TEST
from monitor.replaying import open_replay
from monitor.saving import Saver
from monitor.selftest import LADDERS, SelfTest, SelfTestView
from tests.support.proving import build_orders
from tests.support.snapshots import quiet_night


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Orders with a baseline."""
    return build_orders(tmp_path_factory.mktemp("orders"), windows=12)


def replayed(made, config, *, every: str = "10m", first: int = 9):
    """Replay with a self-test that hears windows from the `first` on; return it and all that the replay leaves."""
    replay = open_replay(config, [str(made.input)])
    plan = replace(replay.engine.plan, self_test=SelfTestSpec.model_validate({"interval": every}))
    test, windows = SelfTest(plan), []
    for result in replay.results():
        for window in result.windows:
            if len(windows) >= first:
                test.hear(window, replay.engine.budget, 0)
            windows.append((window.verdicts, window.checks))
    saved = Saver(replay.engine).checkpoint()
    return test, (windows, encode(replay.engine.budget.state()), saved.monitor, saved.memory, saved.heads)


def smallest(test) -> dict:
    return {(view.fault, view.field): view.smallest for view in test.view}


def test_every_fault_is_tested_where_something_watches_for_it_and_gross_ones_are_noticed(made):
    test, _ = replayed(made, made.config())
    found = smallest(test)
    assert set(found) == {
        ("null_burst", "order.amount"),
        ("mean_shift", "order.amount"),
        ("unit_change", "order.amount"),
        ("null_burst", "country"),
        ("new_category", "country"),
        ("null_burst", "pieces"),
        ("mean_shift", "pieces"),
        ("unit_change", "pieces"),
    }
    assert all(value in LADDERS[fault][:-1] for (fault, _), value in found.items())


@pytest.mark.parametrize("policy", ["{kind: threshold}", "{kind: budget, false_pages: 1, per: 10h}"])
def test_it_changes_nothing_of_what_is_judged_and_stored(made, policy):
    config = made.config()
    config.write_text(config.read_text() + f"policy: {policy}\n")
    _, with_it = replayed(made, config)
    _, without = replayed(made, config, first=99)
    assert with_it == without


def test_thresholds_beyond_everything_are_found_to_be_blind(made):
    config = made.config(
        drift="[{kind: psi, warning: 50, critical: 90}, {kind: missing, warning: 0.9, critical: 0.95}]"
    )
    test, _ = replayed(made, config)
    assert set(smallest(test).values()) == {None}


def test_a_field_that_is_at_warning_already_says_nothing(made):
    config = made.config(drift="[{kind: psi, warning: 0, critical: 90, level_on: raw}]")
    test, _ = replayed(made, config)
    assert test.view == ()


def test_a_budget_that_is_not_calibrated_says_nothing_and_one_that_is_gathers_evidence(made, tmp_path):
    config = made.config(drift="[{kind: psi, warning: 0, critical: 90}, {kind: missing, warning: 0, critical: 0.9}]")
    config.write_text(config.read_text() + "policy: {kind: budget, false_pages: 1, per: 10h}\n")
    test, _ = replayed(made, config)
    assert test.view == ()
    longer = build_orders(tmp_path, windows=85)
    config = longer.config(drift="[{kind: mean_shift, warning: 0, critical: 5}]")
    config.write_text(config.read_text() + "policy: {kind: budget, false_pages: 1, per: 1d, season: none}\n")
    test, _ = replayed(longer, config, first=84)
    assert smallest(test)["mean_shift", "order.amount"] <= 1.0


def test_a_longer_interval_tests_fewer_at_once_and_off_none(made):
    test, _ = replayed(made, made.config(), every="1h", first=0)
    assert len(test.view) == 8
    counts = []
    for every in ("10m", "1h", "off"):
        replay = open_replay(made.config(), [str(made.input)])
        plan = replace(replay.engine.plan, self_test=SelfTestSpec.model_validate({"interval": every}))
        test = SelfTest(plan)
        window = next(window for result in replay.results() for window in result.windows)
        test.hear(window, replay.engine.budget, 0)
        counts.append(len(test.view))
    assert counts == [8, 1, 0]


@pytest.mark.parametrize("written", ["off", '"off"', "null"])
def test_off_is_off_however_it_is_written(made, written):
    config = made.config("other")
    config.write_text(config.read_text() + f"self_test: {{interval: {written}}}\n")
    assert load(config).self_test.interval is None


def test_metrics_are_shares_by_fault_and_the_smallest_by_field():
    views = (SelfTestView("null_burst", "a", 1, 0.05), SelfTestView("null_burst", "b", 1, None))
    ratio, least = (list(declared.read(replace(quiet_night(), self_test=views))) for declared in SELF_TEST)
    assert ratio == [(("null_burst",), 0.5)]
    assert least == [(("null_burst", "a"), 0.05)]
    assert (
        json.dumps([list(declared.read(replace(quiet_night(), self_test=()))) for declared in SELF_TEST]) == "[[], []]"
    )
