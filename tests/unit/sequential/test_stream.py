"""One series: warm-up, standard, levels, hold, and the words of a change."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.errors import StoreError
from monitor.sequential import (
    AdwinSpec,
    DdmSpec,
    EddmSpec,
    FhddmSpec,
    HddmASpec,
    HddmWSpec,
    KswinSpec,
    PageHinkleySpec,
    Stream,
)
from monitor.sequential.split import changed_since
from monitor.sequential.standard import Standard, standard_of
from monitor.types import Level

SERIES = [
    PageHinkleySpec(field="f", warm_up=10, threshold=8.0),
    AdwinSpec(field="f", warm_up=10),
    KswinSpec(field="f", warm_up=10, window_size=20, stat_size=8, alpha=0.01),
    KswinSpec(field="f", warm_up=60, window_size=20, stat_size=8, alpha=0.01),
]
BITS = [
    DdmSpec(check="c", warm_start=10),
    EddmSpec(check="c", warm_start=5),
    HddmASpec(check="c"),
    HddmWSpec(check="c", two_sided_test=True),
    FhddmSpec(check="c", sliding_window_size=20, short_window_size=8, confidence_level=0.01),
]


def noise(n, seed=0, mean=0.0, sd=1.0):
    rng = random.Random(seed)
    return [rng.gauss(mean, sd) for _ in range(n)]


def heard(spec, values):
    stream = Stream(spec)
    return [stream.hear(value) for value in values]


def changes(found):
    return [i for i, each in enumerate(found) if each.reason == "change found"]


def test_the_first_windows_are_unknown_and_then_the_level_is_ok():
    found = heard(PageHinkleySpec(field="f", warm_up=30), noise(60))
    assert {(h.level, h.reason, h.score) for h in found[:29]} == {(Level.UNKNOWN, "warming up", None)}
    assert {(h.level, h.reason) for h in found[29:]} == {(Level.OK, "ok")}
    assert all(h.score >= 0 and h.direction in (-1, 0, 1) for h in found[29:])


def test_a_change_keeps_its_level_for_some_windows_then_warms_up_on_the_new_level():
    spec = PageHinkleySpec(field="f", warm_up=30, hold=5, severity="critical")
    found = heard(spec, noise(100) + noise(200, seed=1, mean=4.0))
    (at,) = changes(found)
    assert 100 < at < 115
    assert [(h.level, h.reason) for h in found[at + 1 : at + 7]] == [
        *[(Level.CRITICAL, "held after a change")] * 5,
        (Level.UNKNOWN, "warming up"),
    ]
    assert found[at + 30].level is Level.OK
    assert found[at].direction == 1
    assert found[at].change == found[at + 5].change
    assert found[at + 6].change is None


def test_the_change_says_from_what_to_what_and_after_how_many_windows():
    found = heard(PageHinkleySpec(field="f"), noise(100, mean=12.1, sd=0.3) + noise(200, 1, mean=14.9, sd=0.3))
    at = changes(found)[0]
    change = found[at].change
    assert change.before == pytest.approx(12.1, abs=0.1)
    assert change.after == pytest.approx(14.9, abs=0.2)
    assert change.windows == at - 99


@pytest.mark.parametrize("factor", [100.0, 0.01, -1e6, 1e-200, 1e200])
def test_units_do_not_matter(factor):
    inputs = noise(60) + noise(60, 1, mean=1.5)
    plain = heard(SERIES[0], inputs)
    assert [h.level for h in heard(SERIES[0], [x * factor for x in inputs])] == [h.level for h in plain]
    assert changes(plain)


@pytest.mark.parametrize("spec", [*SERIES, *BITS], ids=lambda spec: spec.kind)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_unknown_counted_and_otherwise_without_effect(spec, bad):
    inputs = noise(100) + noise(80, 1, mean=6.0) if spec in SERIES else [0.0] * 60 + [1.0] * 60
    clean, dirty = Stream(spec), Stream(spec)
    for i, value in enumerate(inputs):
        if i % 7 == 0:
            said = dirty.hear(bad)
            assert (said.level, said.reason) == (Level.UNKNOWN, "not finite")
        assert dirty.hear(value) == clean.hear(value)
    assert dirty.refused == len(range(0, len(inputs), 7))
    assert clean.refused == 0


@pytest.mark.parametrize("spec", SERIES[:2], ids=lambda spec: spec.kind)
@pytest.mark.parametrize(
    ("before", "after"), [(0.0, 0.5), (2013.0, 2014.0), (1e12, 1.001e12), (-3.0, 0.0), (0.0, 1e-9)]
)
def test_a_change_of_a_series_that_was_constant_is_found(spec, before, after):
    found = heard(spec, [before] * 40 + [after] * 40)
    assert changes(found)
    assert found[changes(found)[0]].direction == (1 if after > before else -1)


def test_a_change_is_told_in_the_units_of_the_series_however_small_its_scale_was():
    inputs = [20.0] * 40 + [0.0] * 10
    inputs[35] = 1e12
    found = heard(PageHinkleySpec(statistic="rows"), inputs)
    assert found[changes(found)[0]].change.before == 20.0
    assert found[changes(found)[0]].change.after == 0.0


def test_a_constant_series_is_ok():
    assert {h.level for h in heard(AdwinSpec(field="f"), [7.0] * 200)[30:]} == {Level.OK}


def test_one_wild_window_is_no_change_of_level():
    inputs = noise(100)
    inputs[70] = 1e9
    assert changes(heard(PageHinkleySpec(field="f"), inputs)) == []
    assert changes(heard(AdwinSpec(field="f"), inputs)) == []


def test_a_share_that_was_0_tolerates_a_thousandth():
    spec = PageHinkleySpec(field="f", statistic="missing_ratio")
    assert changes(heard(spec, [0.0] * 60 + [0.0001] * 300)) == []
    assert changes(heard(spec, [0.0] * 60 + [0.02] * 20)) != []


def test_a_check_that_fails_more_and_more_warns_and_then_changes():
    rng = random.Random(2)
    found = heard(DdmSpec(check="c"), [float(rng.random() < (0.1 if i < 300 else 0.1 + i / 2000)) for i in range(900)])
    at = changes(found)[0]
    assert at > 300
    before = [h for h in found[300:at] if h.reason == "warning zone"]
    assert before
    assert {h.level for h in before} == {Level.WARNING}
    assert found[at].change.after > found[at].change.before


def test_the_score_of_a_check_is_its_share_of_failing_windows():
    assert heard(HddmASpec(check="c"), [0.0, 1.0, 0.0, 1.0])[-1].score == 0.5


def test_eddm_is_unknown_until_there_were_failures():
    assert {h.level for h in heard(EddmSpec(check="c"), [0.0] * 300)} == {Level.UNKNOWN}


@pytest.mark.parametrize("spec", [*SERIES, *BITS], ids=lambda spec: spec.kind)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_to_store_and_load_at_any_moment_changes_nothing(spec, data):
    element = st.sampled_from([0.0, 1.0]) if spec in BITS else st.one_of(st.floats(-3, 3), st.floats(allow_nan=True))
    first = data.draw(st.lists(element, min_size=5, max_size=40))
    inputs = first * 2 + [1.0 if spec in BITS else value * 2 + 9.0 for value in first] * 2
    split = data.draw(st.integers(0, len(inputs)))
    whole = Stream(spec)
    expected = [whole.hear(value) for value in inputs]
    stream = Stream(spec)
    found = [stream.hear(value) for value in inputs[:split]]
    again = Stream(spec)
    again.load(json.loads(json.dumps(stream.state())))
    found += [again.hear(value) for value in inputs[split:]]
    assert found == expected
    assert again.state() == whole.state()


@pytest.mark.parametrize("spec", [PageHinkleySpec(field="f"), AdwinSpec(field="f"), DdmSpec(check="c")])
def test_so_it_is_over_thousands_of_windows_and_several_rebuildings(spec):
    rng = random.Random(3)
    n = 5_000
    inputs = [float(rng.random() < 0.02) if spec.binary else rng.gauss(0, 1) + (i > n - 200) for i in range(n)]
    whole, broken = Stream(spec), Stream(spec)
    found = []
    for i, value in enumerate(inputs):
        said = whole.hear(value)
        found.append(said)
        assert broken.hear(value) == said
        if i % 997 == 0:
            again = Stream(spec)
            again.load(json.loads(json.dumps(broken.state())))
            broken = again
    assert broken.state() == whole.state()
    assert max(h.windows for h in found) > 2_000


@pytest.mark.parametrize("missing", ["bits", "standard", "held", "change", "refused"])
def test_a_damaged_state_is_refused(missing):
    state = Stream(SERIES[0]).state()
    del state[missing]
    with pytest.raises(StoreError, match="reset the checkpoint"):
        Stream(SERIES[0]).load(state)


def test_the_standard_is_robust():
    standard = standard_of([*noise(29, 4, mean=5.0, sd=2.0), 1e300])
    assert standard.median == pytest.approx(5.0, abs=1.0)
    assert 1.0 < standard.scale < 3.5


@pytest.mark.parametrize(("phi", "low", "high"), [(0.0, 1.0, 1.8), (0.6, 2.2, 6.0), (0.9, 8.0, 19.1)])
def test_tau_grows_with_the_correlation_of_neighbours(phi, low, high):
    rng, x, values = random.Random(1), 0.0, []
    for _ in range(1000):
        x = phi * x + rng.gauss(0, math.sqrt(1 - phi * phi))
        values.append(x)
    assert low <= standard_of(values).tau <= high


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30), st.floats(-1e308, 1e308))
@example([0.0] * 4 + [1.2e308] * 3, 0.0)
@settings(deadline=None)
def test_a_finite_value_has_a_finite_standard_value(values, x):
    standard = standard_of(values)
    assert standard.scale > 0
    assert 1 <= standard.tau <= 19.1
    assert -5 <= standard.value(x, 5.0) <= 5


def test_values_beyond_the_clip_are_cut():
    assert Standard(10.0, 2.0, 1.0).value(13.0, 5.0) == 1.5
    assert Standard(10.0, 2.0, 1.0).value(1e9, 5.0) == 5.0


def test_the_best_split_is_where_the_step_is():
    assert changed_since([1.0] * 7 + [4.0] * 3) == 3
    assert changed_since([0.0, 1.0]) == 1
    assert 40 <= changed_since([float(i) for i in range(100)]) <= 60
