"""A reload is a restart that closes nothing: wherever it comes, everything that is judged and kept is the same."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from monitor.baseline import TrailingBaselineSpec
from monitor.checks import CardinalitySpec, DuplicatesSpec, NullableSpec, RangeSpec, SchemaSpec, VolumeSpec
from monitor.codec import decode
from monitor.detectors.presence import MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.saving import decode_head
from monitor.sequential.page_hinkley import PageHinkleySpec
from tests.support.monitors import FIRST_MS, Rig, assert_same_state, make_baseline, make_plan, record, usual

BASELINE = make_baseline()
SEGMENTED = make_baseline(segments=[("country", 2, None)])
DETECTORS = {"amount": (PsiSpec(min_rows=1), MissingSpec(min_rows=1)), "country": (PsiSpec(min_rows=1),)}
STRICT = {**DETECTORS, "amount": (PsiSpec(min_rows=1, warning=0.001, critical=0.002),)}
CHECKS = (RangeSpec(field="amount", max=40.0), NullableSpec(field="country"))
SERIES = (PageHinkleySpec(name="drifting", field="amount", statistic="mean", warm_up=10),)
TRAILING = TrailingBaselineSpec(path="x", windows=3, quarantine=1, min_windows=1)


def plan(name, **changes):
    more = {key: changes.pop(key) for key in ("sequential", "keeping") if key in changes}
    made = make_plan(**{"baseline": BASELINE, "detectors": DETECTORS, "idle_ms": 10**9} | changes)
    return replace(made, config_hash=name, **more)


PLANS = (
    plan("usual"),
    plan("strict", detectors=STRICT, sequential=SERIES),
    plan(
        "other checks",
        row_checks=CHECKS,
        window_checks=(SchemaSpec(), CardinalitySpec(field="country", max_jump=2.0, windows=3)),
    ),
    plan("remembering", row_checks=(*CHECKS, DuplicatesSpec(key=["amount"], horizon=5_000)), sequential=SERIES),
    plan("other baseline", baseline=make_baseline(usual(500, seed=8))),
    plan("segments", baseline=SEGMENTED),
    plan("trailing", keeping=TRAILING, sequential=SERIES),
    plan("wider panes", size_ms=2_000),
    plan("sliding", size_ms=3_000, pane_ms=1_000, window_checks=(VolumeSpec(min_per_window=5),)),
    plan("one field", fields={"amount": "number"}, row_checks=CHECKS[:1]),
    plan("another type", fields={"amount": "integer", "country": "category"}, detectors={}),
)
steps = st.one_of(st.integers(1, 40), st.sampled_from(range(len(PLANS))).map(lambda n: -1 - n))
"""So many records, or another of the plans."""


def lived(directory, life, go_on):
    """Return everything that the store says after a life in which every change of plan is made by `go_on`."""
    rig = Rig(directory, PLANS[0], max_poll_records=17)
    written = 0
    with capture_logs():
        rig.start()
        rig.rounds(1)
        for step in life:
            if step < 0:
                go_on(rig, PLANS[-1 - step])
                continue
            at = range(written, written + step)
            rig.append([record(FIRST_MS + 60 * i, i * 7 % 90 / 2, ["DE", "FR", None][i % 3]) for i in at])
            written += step
            rig.until_end()
        rig.rounds(1)
        store = rig.store
        monitor = decode_head(store.get("monitor"))
        events = [json.loads(event.line) | {"reason": ""} for event in store.events()]
        heads = {tp: decode_head(head) for tp, head in store.heads().items()}
        panes = {(tp, start): decode(pane) for tp in heads for start, pane in store.panes(tp).items()}
        profiles = {end: decode(found) for _, end, found in store.window_profiles()}
        told = rig.daemon.engine.book.state()
        found = (list(store.windows()), heads, panes, profiles, monitor, events, told, set(store.memory()))
        rig.crash()
    return found


def reload(rig, other):
    result = rig.succeed(other)
    rig.rounds(1)
    assert result.result(0).config_hash == other.config_hash


def restart(rig, other):
    rig.plan = other
    rig.restart()
    rig.until_end()


@settings(max_examples=15, deadline=None)
@given(life=st.lists(steps, min_size=2, max_size=10))
@example(life=[40, -2, 20, -4, 30, -1, 40])
@example(life=[40, -7, 40, 30, -8, 30, -9, 40, -7, 40])
@example(life=[30, -6, 10, -11, 30, -10, 40, -1, 20])
def test_a_life_with_reloads_is_that_with_restarts_at_the_same_places(life):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        reloaded, restarted = lived(Path(one), life, reload), lived(Path(other), life, restart)
    assert reloaded[0] == restarted[0]
    assert reloaded[1] == restarted[1]
    assert reloaded[4:] == restarted[4:]
    for mine, theirs in zip(reloaded[2:4], restarted[2:4], strict=True):
        assert mine.keys() == theirs.keys()
        for key, state in mine.items():
            assert_same_state(state, theirs[key])
