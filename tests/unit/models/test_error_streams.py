"""Detectors of concept drift are river's: equal to river's own run over the same errors, whenever they are stored."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from monitor.errors import StoreError
from monitor.models import errors as module
from monitor.models.error_detectors import ErrorDetectorSpec
from monitor.models.error_streams import ErrorStreams
from monitor.models.errors import ErrorStream
from monitor.segments import Dimension, Segmenter
from monitor.types import Groups

SPECS = get_args(get_args(ErrorDetectorSpec)[0])


def rising(n: int = 2_000, seed: int = 3) -> np.ndarray:
    """Return errors that become three times as frequent half-way."""
    rng = np.random.default_rng(seed)
    return (rng.random(n) < np.where(np.arange(n) < n // 2, 0.1, 0.35)).astype(np.float64)


def river_itself(spec, errors: np.ndarray) -> list[int]:
    detector, found = spec.make()(), []
    for place, error in enumerate(errors.tolist()):
        detector.update(1 - error if spec.flipped else error)
        if detector.drift_detected:
            found.append(place)
    return found


@pytest.mark.parametrize("kind", SPECS)
def test_panes_in_one_call_each_find_what_river_finds_and_a_state_at_any_point_goes_on(kind):
    n = 400 if kind.model_fields["kind"].default == "kswin" else 2_000
    spec, errors = kind(), rising(n)
    expected = river_itself(spec, errors)
    stream, found = ErrorStream(spec), 0
    for start in range(0, n, 97):
        part = errors[start : start + 97]
        heard = stream.hear(part, np.arange(start, start + part.size))
        found += heard.changes
        first = [place for place in expected if start <= place < start + 97]
        assert heard.change_ms == (first[0] if first else None)
        copy = ErrorStream(spec)
        copy.load(stream.state())
        assert copy.zone == stream.zone
        stream = copy
    assert found == len(expected)


def test_most_of_them_find_the_change():
    kinds = (*SPECS[:2], *SPECS[3:6])
    found = [any(place >= 1_000 for place in river_itself(kind(), rising())) for kind in kinds]
    assert sum(found) >= 4


def test_a_history_is_bounded_and_loading_it_is_going_on(monkeypatch):
    monkeypatch.setattr(module, "_KEPT_BITS", 64)
    spec = SPECS[0]()
    errors = (np.arange(1_000) % 10 == 0).astype(np.float64)
    live, stored = ErrorStream(spec), ErrorStream(spec)
    for start in range(0, 1_000, 50):
        part, times = errors[start : start + 50], np.arange(50)
        again = ErrorStream(spec)
        again.load(stored.state())
        stored = again
        assert live.hear(part, times) == stored.hear(part, times)
        assert live.state()["n"] == stored.state()["n"] < 128


def test_numbers_are_kept_as_they_are():
    stream, copy = ErrorStream(SPECS[1]()), ErrorStream(SPECS[1]())
    stream.hear(np.array([0.0, 1.0]), np.arange(2))
    stream.hear(np.array([0.25, 3.5]), np.arange(2))
    copy.load(stream.state())
    assert copy.state()["history"].tolist() == [0.0, 1.0, 0.25, 3.5]


@pytest.mark.parametrize("change", [{"n": 3}, {"history": None}, {"bits": "x", "history": np.array([np.nan])}])
def test_a_damaged_state_is_refused(change):
    stream = ErrorStream(SPECS[0]())
    stream.hear(np.zeros(10), np.arange(10))
    with pytest.raises(StoreError, match="damaged"):
        ErrorStream(SPECS[0]()).load({**stream.state(), "n": 30, **change})


def test_each_segment_is_heard_by_itself_as_river_hears_it_and_all_rows_as_before():
    """Only FR gets worse: its detector says so, DE's does not, and a stored state goes on for each."""
    n, specs = 2_000, (SPECS[0](segments=True), SPECS[3]())
    segmenter = Segmenter((Dimension("country", ("DE", "FR")), Dimension("channel", ("app",))))
    french = np.arange(n) % 4 == 0
    errors = (np.random.default_rng(5).random(n) < np.where(french & (np.arange(n) >= n // 2), 0.8, 0.1)).astype(float)
    errors[7] = np.nan
    codes = (np.where(french, 2, 1).astype(np.int32), np.full(n, 5, np.int32))
    streams, changes = ErrorStreams(specs, segmenter), np.zeros(7, np.int64)
    for start in range(0, n, 250):
        part = slice(start, start + 250)
        groups = Groups(6, tuple(each[part] for each in codes))
        heard = streams.hear(errors[part], np.arange(n)[part], groups)
        assert sum(said.rows for said in heard[1:4]) == heard[0].rows == np.isfinite(errors[part]).sum()
        changes += [said.changes for said in heard]
        again = ErrorStreams(specs, segmenter)
        again.load(streams.state())
        streams = again
    assert [(each.spec.kind, each.group) for each in streams.listeners] == [
        *(("adwin", g) for g in range(6)),
        ("ddm", 0),
    ]
    known = np.isfinite(errors)
    for group, rows in ((0, known), (1, known & ~french), (2, known & french), (5, known)):
        assert changes[group] == len(river_itself(specs[0], errors[rows]))
    assert changes[2] > 0
    assert changes[[1, 3, 4]].tolist() == [0, 0, 0]
    assert changes[6] == len(river_itself(specs[1], errors[known]))
