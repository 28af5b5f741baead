"""A profile: merged panes are the window, and a stored one is continued as far as it fits."""

from __future__ import annotations

import numpy as np
import pytest

from monitor import profile as profile_module
from monitor.accumulators import Frame, HistogramSpec, MomentsSpec, PresenceSpec
from monitor.checks import NullableSpec
from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.profile import ProfilePlan
from monitor.types import Place, TopicPartition
from tests.support.monitors import FIRST_MS, assert_same_state, batch_of, make_baseline, make_plan, record, usual

BASELINE = make_baseline(segments=[("country", 2, None)])
PLAN = make_plan(baseline=BASELINE)


def profile_of(records, plan=PLAN):
    batch = batch_of(records)
    profile = plan.profile.empty()
    masks = [check.failures(batch) for check in plan.row_checks]
    profile.update(batch.columns, plan.segmenter.groups(batch.columns), masks, len(batch))
    return profile


def test_merged_parts_are_the_whole():
    records = usual(300)
    merged = PLAN.profile.empty()
    for part in (records[:1], records[1:120], [], records[120:]):
        merged.merge(profile_of(part))
    assert_same_state(merged.state(), profile_of(records).state())
    assert merged.rows == 300


def test_merging_changes_only_the_one_that_takes():
    one, other = profile_of(usual(50)), profile_of(usual(50, seed=2))
    before = encode(other.state())
    one.merge(other)
    assert encode(other.state()) == before


def test_it_survives_the_codec_exactly():
    profile = profile_of(usual(200))
    again = PLAN.profile.load(decode(encode(profile.state())))
    assert encode(again.state()) == encode(profile.state())
    assert (again.incomplete, again.incomplete_checks) == (set(), set())


def test_it_goes_on_after_the_codec_as_if_nothing_had_been():
    records = usual(200)
    again = PLAN.profile.load(decode(encode(profile_of(records[:90]).state())))
    again.merge(profile_of(records[90:]))
    assert_same_state(again.state(), profile_of(records).state())


def keys(**changes):
    specs = (PresenceSpec(field="a"), MomentsSpec(field="a"), HistogramSpec(field="a"))
    plan = ProfilePlan(**({"specs": specs} | changes))
    return dict(zip(("presence", "moments", "histogram"), plan.keys, strict=True))


def test_a_frame_is_part_of_the_identity_of_what_is_counted_on_it_only():
    plain, framed = keys(), keys(frames={"a": Frame.of_numbers(np.arange(100.0))})
    assert [kind for kind in plain if plain[kind] != framed[kind]] == ["histogram"]


def test_segments_are_part_of_every_identity():
    plain, other = keys(), keys(labels=("", "x=1"))
    assert not set(plain.values()) & set(other.values())


def test_labels_cannot_be_mistaken_for_each_other():
    assert keys(labels=("", "x=1", "x=2")) != keys(labels=("", "x=1\x1fx=2"))


def test_a_check_is_known_by_its_whole_rule():
    one, other = ProfilePlan((), checks=('{"max":1}',)), ProfilePlan((), checks=('{"max":2}',))
    assert one.check_keys != other.check_keys


def test_a_tolerance_and_a_severity_are_no_part_of_a_rule():
    specs = [NullableSpec(field="country"), NullableSpec(field="country", max_failure_ratio=0.5, severity="critical")]
    one, other = (make_plan(row_checks=[spec]).profile for spec in specs)
    assert one.check_keys == other.check_keys
    assert one.check_keys != make_plan(row_checks=[NullableSpec(field="amount")]).profile.check_keys


@pytest.mark.parametrize(
    "damage",
    [
        {"accumulators": 3},
        {"checks": 3},
        {"rows": "many"},
        {"accumulators": dict.fromkeys(PLAN.profile.keys, 0)},
        {"checks": dict.fromkeys(PLAN.profile.check_keys, np.zeros((1, 1)))},
    ],
)
def test_a_damaged_state_is_refused(damage):
    with pytest.raises(StoreError):
        PLAN.profile.load(profile_of(usual(10)).state() | damage)


def test_what_is_incomplete_is_not_stored():
    state = profile_of(usual(10)).state()
    gone = PLAN.profile.keys[0]
    del state["accumulators"][gone]
    again = PLAN.profile.load(state)
    assert again.incomplete == {PLAN.profile.specs[0]}
    again.merge(profile_of(usual(10)))
    assert gone not in again.state()["accumulators"]


def test_a_window_is_incomplete_where_one_of_its_panes_is():
    state = profile_of(usual(10)).state()
    del state["accumulators"][PLAN.profile.keys[0]]
    del state["checks"][PLAN.profile.check_keys[1]]
    window = PLAN.profile.empty()
    for part in (profile_of(usual(10)), PLAN.profile.load(state), profile_of(usual(10))):
        window.merge(part)
    assert window.incomplete == {PLAN.profile.specs[0]}
    assert window.incomplete_checks == {1}


def updated(profile, records, first, partition=0):
    """Fold records of a partition, whose first offset is `first`; they may wait."""
    batch = batch_of(records)
    masks = [check.failures(batch) for check in PLAN.row_checks]
    offsets = np.arange(first, first + len(batch))
    groups = PLAN.segmenter.groups(batch.columns)
    profile.update(batch.columns, groups, masks, len(batch), (TopicPartition("t", partition), offsets))
    return profile


def test_rows_that_wait_for_more_are_folded_for_whoever_reads(monkeypatch):
    monkeypatch.setattr(profile_module, "ENOUGH_ROWS", 100)
    records = usual(300)
    whole = updated(PLAN.profile.empty(), records, 0)
    assert whole.pending_rows == 0
    waiting = PLAN.profile.empty()
    for first, pending in zip(range(0, 300, 40), (40, 80, 0, 40, 80, 0, 40, 60), strict=True):
        updated(waiting, records[first : first + 40], first)
        assert (waiting.pending_rows, waiting.rows) == (pending, min(first + 40, 300))
    assert_same_state(waiting.state(), whole.state())
    assert waiting.samples == whole.samples
    assert waiting.pending_rows == 0


def test_rows_of_two_partitions_keep_their_places():
    bad = [record(FIRST_MS, amount=1e6)] * 2
    profile = PLAN.profile.empty()
    for partition in (0, 1):
        updated(profile, bad, 10 * partition, partition)
    assert profile.pending_rows == 2
    places = next(found for found in profile.samples if found)
    assert places == [Place("t", 0, 0), Place("t", 0, 1), Place("t", 1, 10), Place("t", 1, 11)]
