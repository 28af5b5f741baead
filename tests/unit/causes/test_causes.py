"""The causes of an engine's windows: named, kept over restarts, told once, and nothing while all is quiet."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from monitor.causes import Causes, ring
from monitor.checks import NullableSpec
from monitor.codec import decode, encode
from monitor.detectors.ks import KolmogorovSmirnovSpec
from monitor.detectors.presence import MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.detectors.wasserstein import WassersteinSpec
from monitor.engine import Engine
from monitor.errors import StoreError
from monitor.lines import window_lines
from monitor.partition import PartitionState
from monitor.plan import Hysteresis
from monitor.saving import Saver
from monitor.signals import signals
from tests.support.monitors import (
    COUNTRIES,
    FIRST_MS,
    FixedDecoder,
    Rig,
    fetch,
    make_baseline,
    make_engine,
    make_plan,
    record,
    tp,
)

WINDOWS, ROWS, FAULT = 30, 300, 20
STRICT = {"min_rows": 50, "warning": 0.15, "critical": 0.5}
DETECTORS = {
    "amount": (PsiSpec(**STRICT), KolmogorovSmirnovSpec(**STRICT), WassersteinSpec(**STRICT), MissingSpec()),
    "country": (PsiSpec(**STRICT), MissingSpec()),
}


def rows(window, rng, *, n=ROWS, factor=1.0, only=None, null=0.0):
    """Return the records of one window; from the fault on the amounts of one country (or all) are multiplied."""
    amounts = np.round(rng.gamma(4.0, 10.0, n) * 2) / 2
    countries = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    strange = (countries == COUNTRIES.index(only)) if only else np.ones(n, bool)
    if window >= FAULT:
        amounts = np.where(strange, amounts * factor, amounts)
    nulls = (rng.random(n) < null) & strange & (window >= FAULT)
    at = FIRST_MS + window * 1_000 + np.arange(n) * 1_000 // n
    return [record(int(at[i]), amounts[i], None if nulls[i] else COUNTRIES[countries[i]]) for i in range(n)]


@pytest.fixture(scope="module")
def baseline():
    """Thirty usual windows, in segments by country."""
    rng = np.random.default_rng(0)
    records = [value for window in range(20) for value in rows(0, rng)]
    return make_baseline(records, segments=[("country", 4, None)])


def plan_of(baseline, **settings):
    """Return the plan."""
    settings = {
        "detectors": DETECTORS,
        "row_checks": (NullableSpec(field="country", max_failure_ratio=0.1),),
    } | settings
    return make_plan(baseline=baseline, lateness_ms=0, window_checks=(), **settings)


@cache
def fetches(**fault):
    """Return a fetch for each window, and one that closes the last."""
    rng = np.random.default_rng(7)
    found = [fetch(rows(window, rng, **fault), at=window * ROWS) for window in range(WINDOWS)]
    return [*found, fetch([record(FIRST_MS + WINDOWS * 1_000)], at=WINDOWS * ROWS)]


def windows(plan, **fault):
    """Return the judged windows and the alerts."""
    engine = make_engine(plan)
    results = [engine.step([one], 0) for one in fetches(**fault)]
    return [w for r in results for w in r.windows], [a for r in results for a in r.alerts]


def news(plan, judged):
    """Return the lines of incidents."""
    return [line for window in judged for line in window_lines(plan, window) if line["kind"] == "incident"]


def test_usual_windows_have_no_incident(baseline):
    judged, alerts = windows(plan_of(baseline))
    assert [window.incidents for window in judged if any(i.raised for i in window.incidents)] == []
    assert alerts == []


def test_one_country_is_named_with_field_and_onset(baseline):
    plan = plan_of(baseline)
    judged, alerts = windows(plan, factor=2.0, only="FR")
    lines = news(plan, judged)
    first = lines[0]
    assert first["primary"] == {"field": "amount", "segment": {"country": "FR"}, "detector": "psi"}
    assert abs(first["onset_ms"] - (FIRST_MS + FAULT * 1_000)) <= 1_000
    assert first["window_start_ms"] == FIRST_MS + (FAULT + plan.hysteresis.raise_after - 1) * 1_000
    assert first["segments"][0]["segment"] == {"country": "FR"}
    assert first["segments"][0]["named"]
    assert first["within_share"] > 0.8
    assert "amount of country=FR rose: mean 4" in first["summary"]
    assert len({line["id"] for line in lines}) == 1
    assert len(lines) < WINDOWS - FAULT
    fired = [alert for alert in alerts if alert.status == "firing"]
    assert {alert.annotations["incident"] for alert in fired} == {first["id"]}
    assert all("amount of country=FR rose" in alert.annotations["cause"] for alert in fired)
    assert fired[0].annotations["segments"].startswith("country=FR (")
    assert fired[0].annotations["onset"].endswith("Z")
    assert all("incident" not in alert.labels for alert in fired)
    json.dumps(lines, allow_nan=False)


def test_when_all_rows_move_no_country_is_named(baseline):
    plan = plan_of(baseline)
    judged, _ = windows(plan, factor=2.0)
    first = news(plan, judged)[0]
    assert (first["primary"]["field"], first["primary"]["segment"]) == ("amount", {})
    assert not any(part["named"] for part in first["segments"]) or "no segment stands out" not in first["summary"]
    assert "amount rose: mean 4" in first["summary"]


def test_a_check_and_a_detector_of_one_field_are_one_incident(baseline):
    plan = plan_of(baseline)
    judged, alerts = windows(plan, null=0.6)
    lines = news(plan, judged)
    rules = {(stream["detector"], stream["field"]) for stream in lines[-1]["streams"]}
    assert {("missing", "country"), ("country.nullable", "country")} <= rules
    assert len({line["id"] for line in lines}) == 1
    assert {alert.annotations["incident"] for alert in alerts} == {lines[0]["id"]}


def test_a_check_without_any_drift_is_an_incident_of_its_own(baseline):
    plan = plan_of(baseline, detectors={})
    judged, _ = windows(plan, null=0.6)
    first = news(plan, judged)[0]
    assert first["primary"]["detector"] == "country.nullable"
    assert "country fails country.nullable in " in first["summary"]
    assert first["onset_ms"] == FIRST_MS + FAULT * 1_000


def test_the_same_records_give_the_same_lines(baseline):
    plan = plan_of(baseline)
    one, other = (news(plan, windows(plan, factor=2.0, only="FR")[0]) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("at", [5, FAULT + 1, FAULT + 4])
def test_after_a_restart_the_lines_are_the_same(baseline, at):
    plan = plan_of(baseline)
    whole = news(plan, windows(plan, factor=2.0, only="FR")[0])
    engine = make_engine(plan)
    saver, judged, blocks = Saver(engine), [], {}
    for number, one in enumerate(fetches(factor=2.0, only="FR")):
        result = engine.step([one], 0)
        judged += [line for window in result.windows for line in window_lines(plan, window)]
        saver.hear(result)
        if number != at:
            continue
        checkpoint = saver.checkpoint()
        blocks |= {key: block for key, block in checkpoint.memory.items() if block is not None}
        panes = {start: decode(pane) for (_, start), pane in checkpoint.panes.items() if pane is not None}
        head = json.loads(checkpoint.heads[tp()])
        engine = Engine(plan, FixedDecoder())
        saver = Saver(engine)
        saver.restore(checkpoint.monitor, blocks)
        engine.assign(PartitionState.of(tp(), head, panes, plan.profile, plan.grid.pane_ms))
    assert [line for line in judged if line["kind"] == "incident"] == whole


def test_a_checkpoint_writes_each_window_of_the_ring_once(baseline):
    plan = plan_of(baseline)
    engine = make_engine(plan)
    saver = Saver(engine)
    sizes = []
    for one in fetches():
        saver.hear(engine.step([one], 0))
        sizes.append(sum("/sealed/" in name for _, name in saver.checkpoint().memory))
        saver.taken()
    assert max(sizes[1:]) <= 2 * 3  # at most two windows of three arrays


def test_damaged_and_foreign_states(baseline):
    plan = plan_of(baseline)
    engine = make_engine(plan)
    for one in fetches(factor=2.0, only="FR"):
        engine.step([one], 0)
    state = decode(encode(engine.causes.state()))
    with pytest.raises(StoreError, match="causes are damaged"):
        Causes(plan).load(state | {"onsets": {}})
    with pytest.raises(StoreError, match="causes are damaged"):
        Causes(plan).load({})
    fewer = plan_of(baseline, detectors={"amount": DETECTORS["amount"][:1]})
    causes = Causes(fewer)
    causes.load(state)
    again = make_engine(fewer)
    again.causes = causes
    judged = [w for one in fetches(factor=2.0, only="FR")[: FAULT + 3] for w in again.step([one], 0).windows]
    assert judged[-1].incidents[0].segment == "country=FR"


def test_over_its_life_an_incident_keeps_its_id_and_ends(baseline):
    plan = plan_of(baseline, hysteresis=Hysteresis(raise_after=2, clear_after=2))
    engine = make_engine(plan)
    rng = np.random.default_rng(9)
    ids = []
    for window in range(40):
        values = rows(FAULT if 20 <= window < 30 else 0, rng, factor=2.0, only="FR")
        at = [value[8:] for value in values]
        stamped = [np.int64(FIRST_MS + window * 1_000 + i * 3).tobytes() + rest for i, rest in enumerate(at)]
        judged = engine.step([fetch(stamped, at=window * ROWS)], 0).windows
        ids += [{incident.id for incident in one.incidents if incident.raised} for one in judged]
    assert len(set().union(*ids)) == 1
    assert all(ids[22:30])
    assert ids[-1] == set()


def test_a_daemon_that_crashes_in_an_incident_shows_the_same_one(baseline, tmp_path):
    rig = Rig(tmp_path, plan_of(baseline))
    rig.start()
    rng = np.random.default_rng(7)
    for window in range(FAULT + 4):
        rig.append(rows(window, rng, factor=2.0, only="FR"))
        rig.until_end()
    before = rig.snapshots[-1].incidents
    rig.restart()
    rig.append(rows(FAULT + 4, rng, factor=2.0, only="FR"))
    rig.until_end()
    after = rig.snapshots[-1].incidents
    assert [incident.id for incident in before] == [incident.id for incident in after]
    assert after[0].segment == "country=FR"
    assert rig.snapshots[-1].alerts[0].annotations["incident"] == after[0].id
    rig.crash()


def test_sliding_windows_name_the_country_too(baseline):
    plan = plan_of(baseline, size_ms=4_000, pane_ms=1_000)
    judged, _ = windows(plan, factor=2.0, only="FR")
    first = news(plan, judged)[0]
    assert first["primary"]["segment"] == {"country": "FR"}
    assert abs(first["onset_ms"] - (FIRST_MS + FAULT * 1_000)) <= 2_000


def test_names_from_records_are_made_safe(baseline):
    plan = plan_of(baseline)
    judged, _ = windows(plan, factor=2.0, only="FR")
    window = next(window for window in judged if any(incident.raised for incident in window.incidents))
    strange = "carrier=<b>\x1b[31m\u202e" + "x" * 500
    incident = replace(window.incidents[0].segments[0], segment=strange)
    window = replace(window, incidents=(replace(window.incidents[0], segments=(incident,)),))
    words = signals(plan, window, frozenset())[0].annotations["segments"]
    assert len(words) < 80
    assert not set(words) & {"\x1b", "\u202e"}


def test_a_ring_without_room_for_segments_explains_them_from_the_last_window(baseline, monkeypatch):
    monkeypatch.setattr(ring, "MAX_BYTES", 10_000)
    plan = plan_of(baseline)
    assert make_engine(plan).causes._ring.groups == 1
    judged, _ = windows(plan, factor=2.0, only="FR")
    first = news(plan, judged)[0]
    assert first["primary"]["segment"] == {"country": "FR"}
    assert abs(first["onset_ms"] - (FIRST_MS + FAULT * 1_000)) <= 2_000
    assert "amount of country=FR rose" not in first["summary"]  # the mean of a segment is not kept
    assert "amount of country=FR changed" in first["summary"]
