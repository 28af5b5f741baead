from __future__ import annotations

import pytest

from monitor.sources.memory import MemorySource
from monitor.types import Assigned, Revoked, TopicPartition

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)
NOBODY: frozenset[TopicPartition] = frozenset()


def test_the_log_outlives_the_source():
    first = MemorySource([P0])
    first.append(P0, [b"1", b"2"])
    second = MemorySource([P0], log=first.log)
    second.poll(NOBODY, 0)
    second.seek(P0, 1)
    [fetch] = second.poll(NOBODY, 0)
    assert fetch.values.to_pylist() == [b"2"]
    assert second.sought == [(P0, 1)]


def test_pushed_changes_come_one_with_each_poll_before_records():
    source = MemorySource([P0])
    source.append(P0, [b"1"])
    source.push(Assigned((P1,)), Revoked((P0,), lost=True))
    assert source.poll(NOBODY, 0) == [Assigned((P0,))]
    source.seek(P0, None)
    assert source.poll(NOBODY, 0) == [Assigned((P1,))]
    assert source.poll(NOBODY, 0) == [Revoked((P0,), lost=True)]
    assert source.poll(NOBODY, 0) == []


def test_a_gap_is_passed():
    source = MemorySource([P0])
    source.append(P0, [b"1"])
    source.append(P0, [b"2"], at=10)
    source.poll(NOBODY, 0)
    source.seek(P0, None)
    fetches = [source.poll(NOBODY, 0)[0] for _ in range(2)]
    assert [(fetch.offsets.tolist(), fetch.next_offset, fetch.end_offset) for fetch in fetches] == [
        ([0], 1, 11),
        ([10], 11, 11),
    ]
    with pytest.raises(ValueError, match="offset 5 is taken"):
        source.append(P0, [b"3"], at=5)


def test_without_answers_ends_are_unknown():
    source = MemorySource([P0])
    source.answers = False
    source.poll(NOBODY, 0)
    source.seek(P0, None)
    assert source.poll(NOBODY, 0)[0].end_offset is None


def test_commits_are_remembered():
    source = MemorySource([P0])
    source.commit({P0: 3})
    assert source.committed == {P0: 3}
