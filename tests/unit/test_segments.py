"""Segments are the values of a field, capped; every row has exactly one in each dimension."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitor.baseline import BaselineBuilder
from monitor.segments import OTHER, Dimension, Segmenter
from monitor.types import Batch, Column, Presence
from tests.support.monitors import batch_of, make_baseline, record

COUNTRY = Dimension("country", ("DE", "FR"))
CHANNEL = Dimension("channel", ("app",))


def column(*values):
    presence = np.array([Presence.OK if value is not None else Presence.NULL for value in values], np.uint8)
    return Column(pa.array([value or "" for value in values], pa.string()), presence)


def test_without_dimensions_there_is_one_group_of_all_rows():
    assert Segmenter().labels == ("",)
    assert Segmenter().groups({}).codes == ()


def test_every_dimension_has_its_values_and_the_rest():
    segmenter = Segmenter((COUNTRY, CHANNEL))
    assert segmenter.labels == (
        "", "country=DE", "country=FR", f"country={OTHER}", "channel=app", f"channel={OTHER}",
    )  # fmt: skip
    assert segmenter.segments == (
        {}, {"country": "DE"}, {"country": "FR"}, {"country": OTHER}, {"channel": "app"}, {"channel": OTHER},
    )  # fmt: skip
    assert segmenter.size == 6


def test_unknown_and_missing_values_share_the_rest():
    groups = Segmenter((COUNTRY, CHANNEL)).groups(
        {"country": column("FR", "XX", None, "DE"), "channel": column(None, "app", "web", "app")}
    )
    assert groups.size == 6
    assert [codes.tolist() for codes in groups.codes] == [[2, 3, 3, 1], [5, 4, 5, 4]]


def test_no_rows_and_no_usable_value_are_no_trouble():
    assert Segmenter((COUNTRY,)).groups({"country": column()}).codes[0].tolist() == []
    assert Segmenter((COUNTRY,)).groups({"country": column(None, None)}).codes[0].tolist() == [3, 3]


def test_a_dimension_without_values_puts_every_row_in_the_rest():
    assert Segmenter((Dimension("country", ()),)).groups({"country": column("DE")}).codes[0].tolist() == [1]


def test_the_cap_keeps_the_most_frequent_values_of_the_baseline():
    records = [record(1, country=name) for name in ["US"] * 3 + ["DE"] * 2 + ["FR"] * 2 + ["NL"]]
    baseline = make_baseline(records, segments=[("country", 2, None)])
    assert baseline.segmenter.dimensions == (Dimension("country", ("US", "DE")),)


def test_a_value_spelled_like_the_rest_does_not_make_two_segments_of_one_name():
    builder = BaselineBuilder({"country": "category"}, [("country", 2, None)], max_categories=10, max_rows=10)
    batch = batch_of([record(i) for i in range(6)])
    named = {"country": column(OTHER, OTHER, OTHER, "DE", "DE", "FR")}
    builder.add(Batch(batch.partition, batch.offsets, batch.timestamps_ms, batch.event_times_ms, named))
    baseline = builder.build()
    assert baseline.segmenter.labels == ("", "country=DE", "country=FR", f"country={OTHER}")
    assert baseline.segmenter.groups(named).codes[0].tolist() == [3, 3, 3, 1, 1, 2]
