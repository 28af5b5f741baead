"""River behind our protocol: exact memory, bounded, deaf to NaN; and the traps of river that make it so."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from river.drift import ADWIN, KSWIN, PageHinkley
from river.drift.binary import DDM, FHDDM

from monitor.config.reference import kind_of, members
from monitor.errors import StoreError
from monitor.sequential import AdwinSpec, DdmSpec, EddmSpec, FhddmSpec, KswinSpec, PageHinkleySpec, SequentialSpec
from monitor.sequential.replayed import Kind, Replayed

SPECS = members(SequentialSpec)
every_kind = pytest.mark.parametrize("spec", SPECS, ids=kind_of)


def build(spec) -> Replayed:
    return (spec(check="c") if spec.binary else spec(field="f")).build()


def short(spec, keep=40) -> Replayed:
    """Return a detector that is rebuilt often."""
    found = build(spec)
    kind = found.kind
    return Replayed(Kind(kind.make, keep, kind.ready, kind.statistic, kind.p_value, kind.flip))


def values(spec, n, seed=0, jump_at=None):
    rng = random.Random(seed)
    for i in range(n):
        after = jump_at is not None and i >= jump_at
        yield float(rng.random() < (0.9 if after else 0.2)) if spec.binary else rng.gauss(4.0 if after else 0.0, 1.0)


def run(detector, inputs):
    """Return where changes were found."""
    found = []
    for i, value in enumerate(inputs):
        if detector.update(value):
            found.append(i)
            detector.restart()
    return found


@every_kind
def test_a_jump_is_found_soon_after_it(spec):
    found = run(build(spec), values(spec, 500, seed=4, jump_at=200))
    assert next(i for i in found if i >= 200) <= (200 + 250 if spec is EddmSpec else 275)
    assert [i for i in found if i < 200] == []


@every_kind
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused_and_counted(spec, bad):
    clean, dirty = build(spec), build(spec)
    inputs = list(values(spec, 400, jump_at=200))
    with_bad = [value for pair in zip(inputs, [bad] * len(inputs), strict=True) for value in pair]
    assert [i // 2 for i in run(dirty, with_bad)] == run(clean, inputs)
    assert dirty.refused == len(inputs)
    assert clean.refused == 0


@pytest.mark.parametrize(("river", "bad"), [(ADWIN, math.nan), (PageHinkley, math.nan), (ADWIN, math.inf)])
def test_river_itself_is_blind_after_one_bad_value(river, bad):
    detector = river()
    found = 0
    for value in [0.0] * 50 + [bad] + [0.0] * 200 + [50.0] * 500:
        detector.update(value)
        found += detector.drift_detected
    assert found == 0, "river got better: refusing may become less important"


def test_rivers_page_hinkley_has_thresholds_in_the_units_of_the_data():
    rng = np.random.default_rng(1)
    series = np.concatenate([rng.normal(0, 1, 300), rng.normal(2, 1, 300)])

    def alarms(scale):
        detector, found = PageHinkley(), 0
        for value in (series * scale).tolist():
            detector.update(value)
            found += detector.drift_detected
        return found

    assert alarms(100.0) > 10 * max(alarms(1.0), 1)
    assert alarms(0.01) == 0


def test_rivers_fhddm_finds_falls_of_the_share_of_ones_so_ours_is_given_its_complement():
    def alarms(detector, share_after):
        rng, found = random.Random(3), 0
        for i in range(600):
            detector.update(float(rng.random() < (0.3 if i < 300 else share_after)))
            found += detector.drift_detected
        return found

    assert alarms(FHDDM(), 0.9) == 0
    assert run(FhddmSpec(check="c").build(), (float(i >= 300) for i in range(600)))[0] > 300


def test_rivers_ddm_takes_the_first_failure_ever_for_a_change_and_ours_does_not():
    bare = DDM()
    for value in [0] * 100 + [1]:
        bare.update(value)
    assert bare.drift_detected
    inputs = [0.0] * 100 + [1.0]
    assert run(DdmSpec(check="c").build(), inputs) == []
    assert run(DdmSpec(check="c").build(), [*inputs, 1.0, 1.0, 1.0]) != []


def test_rivers_kswin_says_a_p_value_of_0_before_its_first_test_and_ours_says_nothing():
    assert KSWIN(seed=1).p_value == 0
    detector = KswinSpec(field="f").build()
    seen = []
    for value in values(KswinSpec, 110):
        detector.update(value)
        seen.append(detector.p_value)
    assert seen[:99] == [None] * 99
    assert all(0 < p <= 1 for p in seen[99:])


def test_the_statistic_of_page_hinkley_is_what_its_threshold_is_compared_with():
    spec = PageHinkleySpec(field="f", threshold=25.0)
    detector = spec.build()
    assert detector.statistic is None
    for value in values(PageHinkleySpec, 400, jump_at=200):
        if detector.update(value):
            assert detector.statistic is not None
            assert detector.statistic > 25.0
            return
        assert abs(detector.statistic) <= 25.0
    raise AssertionError("no change was found")


def test_the_statistic_of_page_hinkley_has_the_sign_of_the_change():
    detector = PageHinkleySpec(field="f").build()
    for value in [0.0] * 40 + [-3.0] * 5:
        detector.update(value)
    assert detector.statistic < 0
    upward = PageHinkleySpec(field="f", mode="up").build()
    assert run(upward, [0.0] * 40 + [-3.0] * 60) == []


def test_the_score_of_adwin_is_the_mean_of_its_window():
    detector = AdwinSpec(field="f").build()
    assert detector.statistic is None
    for _ in range(20):
        detector.update(1.5)
    assert detector.statistic == pytest.approx(1.5)


def test_windows_that_resemble_each_other_need_more_evidence():
    inputs = list(values(AdwinSpec, 600, jump_at=400))
    for spec in (AdwinSpec(field="f"), PageHinkleySpec(field="f"), KswinSpec(field="f")):
        independent, alike = run(spec.build(), inputs)[0], [*run(spec.build(4.0), inputs), 600][0]
        assert 400 < independent < alike


@every_kind
def test_a_history_stays_bounded_and_changes_are_still_found_after_rebuilding(spec):
    detector = short(spec, keep=60)
    longest = 0
    for i, value in enumerate(values(spec, 1500, jump_at=1300)):
        if detector.update(value):
            assert i >= 1300 or spec.binary
            break
        longest = max(longest, len(detector.history))
    assert longest < 120


@every_kind
@pytest.mark.parametrize("keep", [25, 40, 10_000])
def test_to_store_and_load_at_any_moment_changes_nothing(spec, keep):
    inputs = list(values(spec, 160, seed=5)) + list(values(spec, 80, seed=6, jump_at=0))
    whole, broken = short(spec, keep), short(spec, keep)
    rng = random.Random(1)
    for value in inputs:
        expected = whole.update(value)
        assert broken.update(value) == expected
        assert (broken.statistic, broken.p_value, broken.warning) == (whole.statistic, whole.p_value, whole.warning)
        if expected:
            whole.restart()
            broken.restart()
        if rng.random() < 0.2:
            again = short(spec, keep)
            again.load(json.loads(json.dumps(broken.state())))
            assert again.history == broken.history
            broken = again


def test_the_state_is_exact_and_small():
    detector = AdwinSpec(field="f").build()
    for value in (-0.0, 0.1, 1e-300, -1.7e308, 1 / 3):
        detector.update(value)
    again = AdwinSpec(field="f").build()
    again.load(json.loads(json.dumps(detector.state())))
    assert again.history == detector.history
    bits = DdmSpec(check="c").build()
    run(bits, [0.0, 1.0, 0.0])
    assert bits.state() == {"bits": "010", "refused": 0}


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"bits": "01"},
        {"bits": "012", "refused": 0},
        {"values": "?", "refused": 0},
        {"values": "AAAA", "refused": 0},
        {"values": "AAAAAAAA+H8=", "refused": 0},  # NaN
        {"bits": "0" * 99_999, "refused": 0},
        {"bits": 3, "refused": 0},
        {"bits": "", "refused": "x"},
    ],
)
def test_a_damaged_state_is_refused(damaged):
    with pytest.raises(StoreError, match="reset the checkpoint"):
        DdmSpec(check="c").build().load(damaged)
