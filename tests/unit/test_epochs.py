"""After a change of the configuration: what did not change goes on, the rest is unknown where it began before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from monitor.checks import CardinalitySpec, NullableSpec, RangeSpec, SchemaSpec, VolumeSpec
from monitor.decoders import EventTimePlan
from monitor.detectors.ks import KolmogorovSmirnovSpec
from monitor.detectors.presence import MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.saving import decode_head
from monitor.types import Level, Place
from tests.support.monitors import FIELDS, FIRST_MS, Rig, make_baseline, make_engine, make_plan, record, usual

T = FIRST_MS
BASELINE = make_baseline()
OTHER_BASELINE = make_baseline(usual(500, seed=8))
NEVER = 10**9
DETECTORS = {
    "amount": (PsiSpec(min_rows=1), KolmogorovSmirnovSpec(min_rows=1), MissingSpec(min_rows=1)),
    "country": (PsiSpec(min_rows=1),),
}


def plan(**changes):
    return make_plan(**({"baseline": BASELINE, "detectors": DETECTORS, "idle_ms": NEVER} | changes))


@pytest.fixture
def changed(tmp_path):
    """Return what the windows say after a restart, half-way through the second one, with another plan."""
    rigs = []

    def run(before, after, *, step_ms=100, n=40, at=17):
        rig = Rig(tmp_path, before)
        rigs.append(rig)
        values = [record(T + step_ms * i, 20.0 + i % 30, ["DE", "FR", None][i % 3]) for i in range(n)]
        with capture_logs():
            rig.append(values[:at])
            rig.start()
            rig.until_end()
            rig.plan = after
            rig.restart()
            found = []
            hear = rig.daemon._publisher.hear
            rig.daemon._publisher.hear = lambda result: (found.extend(result.windows), hear(result))
            rig.append(values[at:])
            rig.until_end()
        return rig, found

    yield run
    for rig in rigs:
        rig.crash()


def reasons(window):
    """Return reason by field and detector of the verdicts that are unknown because of the epoch."""
    return {(v.field, v.detector) for v in window.verdicts if v.reason == "epoch change"}


def levels(window):
    return {outcome.check: outcome.level for outcome in window.checks}


ALL = {("amount", "psi"), ("amount", "ks"), ("amount", "missing"), ("country", "psi")}


def test_the_same_configuration_goes_on_without_a_gap(changed):
    _, found = changed(plan(), plan())
    assert [(w.start_ms - T, w.rows) for w in found] == [(1_000, 10), (2_000, 10)]
    assert [reasons(w) for w in found] == [set(), set()]
    assert all(v.level >= Level.OK for w in found for v in w.verdicts)


def test_a_new_field_is_unknown_where_the_pane_began_before_and_the_old_ones_go_on(changed):
    before = plan(fields={"amount": "number"}, row_checks=(RangeSpec(field="amount", max=500.0),))
    _, found = changed(before, plan())
    assert [reasons(w) for w in found] == [{("country", "psi")}, set()]
    assert [levels(w)["country.nullable"] for w in found] == [Level.UNKNOWN, Level.WARNING]
    assert [levels(w)["amount.range"] for w in found] == [Level.OK, Level.OK]
    assert found[0].rows == 10
    assert next(v for v in found[0].verdicts if v.detector == "ks").n_current == 10


def test_another_baseline_changes_what_is_counted_on_it_only(changed):
    _, found = changed(plan(), plan(baseline=OTHER_BASELINE))
    assert [reasons(w) for w in found] == [ALL - {("amount", "missing")}, set()]
    assert levels(found[0])["volume"] is Level.OK


def test_other_thresholds_change_no_statistic(changed):
    strict = {**DETECTORS, "amount": (PsiSpec(min_rows=1, warning=0.01, critical=0.02), *DETECTORS["amount"][1:])}
    _, found = changed(plan(), plan(detectors=strict))
    assert [reasons(w) for w in found] == [set(), set()]


def test_a_check_with_another_rule_under_the_same_name_does_not_go_on_with_the_old_counts(changed):
    before = plan(row_checks=(RangeSpec(field="amount", max=1.0), NullableSpec(field="country", max_failure_ratio=1.0)))
    after = plan(
        row_checks=(RangeSpec(field="amount", max=500.0), NullableSpec(field="country", max_failure_ratio=1.0))
    )
    _, found = changed(before, after)
    assert [levels(w)["amount.range"] for w in found] == [Level.UNKNOWN, Level.OK]
    assert [levels(w)["country.nullable"] for w in found] == [Level.OK, Level.OK]


def test_other_segments_make_all_of_the_pane_unknown_but_its_number_of_rows(changed):
    _, found = changed(plan(), plan(baseline=make_baseline(segments=[("country", 2, None)])))
    assert reasons(found[0]) == ALL
    assert found[0].rows == 10
    assert levels(found[0])["volume"] is Level.OK
    assert reasons(found[1]) == set()


def test_an_unknown_pane_stays_unknown_over_another_restart(changed):
    rig, _ = changed(plan(fields={"amount": "number"}, row_checks=()), plan(), n=25, at=22)
    assert list(rig.store.windows())
    with capture_logs():
        rig.restart()
        found = []
        hear = rig.daemon._publisher.hear
        rig.daemon._publisher.hear = lambda result: (found.extend(result.windows), hear(result))
        rig.append([record(T + 2_600), record(T + 3_600)])
        rig.until_end()
    assert [reasons(w) for w in found] == [{("country", "psi")}] * 2


def test_wider_panes_begin_a_new_grid_and_the_broken_window_is_unknown(changed):
    rig, found = changed(plan(), plan(size_ms=4_000), step_ms=500, n=40, at=7)
    assert [((w.start_ms - T) / 1_000, (w.end_ms - T) / 1_000) for w in found] == [(0, 4), (4, 8), (8, 12), (12, 16)]
    assert [reasons(w) for w in found] == [ALL, set(), set(), set()]
    assert set(levels(found[0]).values()) == {Level.UNKNOWN}
    assert levels(found[1])["volume"] is Level.OK
    assert found[1].rows == 8
    # the panes of the old width are gone from the store
    assert all(start % 4_000 == 0 for start in rig.store.panes(next(iter(rig.store.heads()))))


def test_a_gap_right_after_a_change_of_the_grid_does_not_page_for_no_rows(changed):
    after = plan(size_ms=4_000, idle_ms=1_000, detectors={}, row_checks=(), window_checks=(VolumeSpec(),))
    rig, found = changed(plan(), after, step_ms=100, n=15, at=15)
    assert found == []
    with capture_logs():
        for now_ms in (0, 2_000, 11_600):
            rig.clock.set(T + now_ms)
            rig.rounds(1)
    shown = [(w[0] - T, w[1] - T) for w in rig.store.windows()]
    assert shown[-2:] == [(0, 4_000), (4_000, 8_000)]
    firing = rig.daemon.engine.book.firing()
    assert [(a.labels["rule"], a.starts_at_ms - T) for a in firing] == [("volume", 4_000)]


def test_a_longer_window_over_the_same_panes_is_unknown_until_it_is_whole(changed):
    before, after = plan(size_ms=1_000, pane_ms=1_000), plan(size_ms=3_000, pane_ms=1_000)
    _, found = changed(before, after, n=70, at=25)
    assert [((w.start_ms - T) / 1_000, (w.end_ms - T) / 1_000) for w in found][:3] == [(-1, 2), (0, 3), (1, 4)]
    assert [reasons(w) for w in found][:3] == [ALL, ALL, set()]
    assert found[2].rows == 30


def test_a_shorter_window_over_the_same_panes_goes_on(changed):
    _, found = changed(plan(size_ms=3_000, pane_ms=1_000), plan(size_ms=1_000, pane_ms=1_000), n=70, at=45)
    assert all(reasons(w) == set() for w in found)
    assert [w.rows for w in found] == [10] * len(found)


def test_a_field_that_is_gone_is_gone(changed):
    _, found = changed(plan(), plan(fields={"amount": FIELDS["amount"]}, row_checks=()))
    assert {v.field for w in found for v in w.verdicts} == {"amount"}
    assert [reasons(w) for w in found] == [set(), set()]


def test_another_type_of_a_field_begins_all_that_is_counted_of_it_anew(changed):
    before = plan(fields={**FIELDS, "amount": "integer"}, detectors=DETECTORS)
    _, found = changed(before, plan())
    assert [reasons(w) for w in found] == [{key for key in ALL if key[0] == "amount"}, set()]
    assert [levels(w)["amount.range"] for w in found] == [Level.UNKNOWN, Level.OK]
    assert levels(found[0])["country.nullable"] is not Level.UNKNOWN


def test_another_event_time_begins_a_new_grid(changed):
    after = plan()
    other = replace(after, decode=replace(after.decode, event_time=EventTimePlan("other", "ms", 3_600_000)))
    rig, found = changed(plan(), other)
    assert [reasons(w) for w in found] == [ALL, set()]
    assert [w.rows for w in found] == [3, 10]
    assert set(levels(found[0]).values()) == {Level.UNKNOWN}
    assert {decode_head(head)["clock"] for head in rig.store.heads().values()} == {"other ms"}


def test_a_name_that_has_become_a_field_is_no_longer_unknown():
    engine = make_engine(plan(fields={"amount": "number"}, row_checks=()))
    engine.unknown_fields = {"country": 3, "other": 1}
    pane = engine.plan.profile.empty()
    pane.saw("country", Place("t", 0, 1))
    pane.saw("other", Place("t", 0, 2))
    again = make_engine(plan())
    again.load(engine.state())
    assert again.unknown_fields == {"other": 1}
    assert set(again.plan.profile.load(pane.state()).unknown_fields) == {"other"}


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        (CardinalitySpec(name="many", field="amount", max_jump=9.0, windows=5), True),
        (CardinalitySpec(name="many", field="country", max_jump=2.0), False),
        (SchemaSpec(name="many"), False),
        (CardinalitySpec(name="other", field="amount", max_jump=2.0), False),
    ],
)
def test_a_check_of_windows_goes_on_with_what_it_remembers_of_the_same_thing_only(after, kept):
    engine = make_engine(plan(window_checks=(CardinalitySpec(name="many", field="amount", max_jump=2.0),)))
    engine.closer.memory["many"] = {"past": [1.0, 2.0, 3.0]}
    again = make_engine(plan(window_checks=(after,)))
    again.load(engine.state())
    assert again.closer.memory == ({"many": {"past": [1.0, 2.0, 3.0]}} if kept else {})
