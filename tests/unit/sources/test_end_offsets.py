from __future__ import annotations

from monitor.sources.end_offsets import ASK_BEHIND_EVERY_S, ASK_EVERY_S, EndOffsets
from monitor.types import TopicPartition

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


class Broker:
    def __init__(self):
        self.ends = {P0: 10, P1: 20}
        self.asked = []

    def __call__(self, partitions, timeout_s):
        self.asked.append(set(partitions))
        return {partition: self.ends[partition] for partition in partitions if partition in self.ends}


def test_ends_are_asked_for_at_once_and_then_once_a_second():
    broker = Broker()
    ends = EndOffsets(broker)
    positions = {P0: 10, P1: 20}
    assert ends.confirm(positions, 0.0) == {P0: 10, P1: 20}
    assert ends.confirm(positions, ASK_EVERY_S / 2) == {}
    broker.ends[P0] = 11
    assert ends.confirm(positions, ASK_EVERY_S) == {P0: 11, P1: 20}
    assert len(broker.asked) == 2


def test_a_partition_far_behind_is_asked_for_less_often():
    broker = Broker()
    ends = EndOffsets(broker)
    positions = {P0: 10, P1: 3}
    ends.confirm(positions, 0.0)
    ends.confirm(positions, ASK_EVERY_S)
    assert broker.asked[-1] == {P0}
    ends.confirm(positions, ASK_BEHIND_EVERY_S)
    assert broker.asked[-1] == {P0, P1}


def test_a_silent_broker_is_left_alone_for_a_while():
    broker = Broker()
    broker.ends = {}
    ends = EndOffsets(broker)
    assert ends.confirm({P0: 0}, 0.0) == {}
    assert not ends.answered
    assert ends.confirm({P0: 0}, ASK_EVERY_S) == {}
    assert len(broker.asked) == 1
    broker.ends = {P0: 4}
    assert ends.confirm({P0: 0}, ASK_BEHIND_EVERY_S) == {P0: 4}
    assert ends.answered


def test_without_partitions_nobody_is_asked():
    broker = Broker()
    assert EndOffsets(broker).confirm({}, 0.0) == {}
    assert broker.asked == []


def test_what_was_forgotten_is_due_at_once():
    broker = Broker()
    ends = EndOffsets(broker)
    ends.confirm({P0: 10, P1: 20}, 0.0)
    ends.forget([P0])
    assert ends.confirm({P0: 10, P1: 3}, ASK_EVERY_S) == {P0: 10}
