"""The rules of dead letters, with a box in place of a producer."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from monitor.clock import ManualClock
from monitor.sources import KafkaSpec
from monitor.sources.dead_letter import DeadLetterProducer, DeadLetterSpec
from monitor.sources.letters import Outcome
from monitor.types import Fetch, Rejects, TopicPartition


class Box:
    """Takes letters while `open`, and settles them when it is told or flushed."""

    def __init__(self, clock):
        self.clock = clock
        self.open = True
        self.taken = []
        self.delivered = []
        self.outcome = Outcome()
        self.closed = 0

    def accept(self, letter, settle):
        if self.open:
            self.taken.append((letter, settle))
        return self.open

    def serve(self):
        pass

    def settle(self):
        for letter, settle in self.taken:
            if self.outcome.error is None:
                self.delivered.append(letter)
            settle((letter, self.outcome))
        self.taken = []

    def flush(self, timeout_s):
        self.clock.advance(round(timeout_s * 1000))
        if self.open:
            self.settle()

    def close(self):
        self.closed += 1


@pytest.fixture
def clock():
    return ManualClock(1_000_000)


@pytest.fixture
def box(clock):
    return Box(clock)


def producer(box, clock, **settings):
    spec = DeadLetterSpec.model_validate({"topic": "dead", **settings})
    return DeadLetterProducer(spec, KafkaSpec(topics=("t",)), clock, box)


def fetch(n, *, first=0, size=1, headers=None):
    values = pa.array([b"v" * size] * n, pa.binary())
    keys = pa.array([b"k"] * n, pa.binary())
    offsets = np.arange(first, first + n)
    return Fetch(TopicPartition("t", 3), offsets, np.full(n, -1), keys, values, headers, first + n)


def rejects(*index, reason="not json"):
    return Rejects(np.array(index, np.int64), [reason] * len(index))


def counts(letters):
    return {outcome: n for (_, outcome), n in letters.counts.items() if n}


def test_a_letter_is_the_record_with_its_origin_and_reason(box, clock):
    letters = producer(box, clock)
    letters.send(fetch(3, first=40, headers=[(), (("h", None),), ()]), rejects(1))
    [(letter, _)] = box.taken
    assert (letter.key, letter.value) == (b"k", b"v")
    assert letter.headers == (
        ("h", None),
        ("driftline.reason", b"not json"),
        ("driftline.topic", b"t"),
        ("driftline.partition", b"3"),
        ("driftline.offset", b"41"),
    )


def test_flush_waits_for_the_acknowledgement(box, clock):
    letters = producer(box, clock)
    letters.send(fetch(2), rejects(0, 1))
    assert counts(letters) == {}
    assert letters.flush(1.0)
    assert counts(letters) == {"delivered": 2}
    assert letters.flush(0.0)


def test_a_topic_that_is_not_there_fills_the_buffer_and_loses_nothing(box, clock):
    letters = producer(box, clock, max_buffered_bytes=2_000)
    box.open = False
    letters.send(fetch(1, size=1_000), rejects(0))
    assert not letters.full
    letters.send(fetch(1, size=1_000), rejects(0))
    assert letters.full
    assert not letters.flush(1.0)
    box.open = True
    assert letters.flush(5.0)
    assert not letters.full
    assert counts(letters) == {"delivered": 2}
    assert len(box.delivered) == 2


def test_a_client_that_takes_nothing_is_asked_once_a_second(box, clock):
    letters = producer(box, clock)
    asked = []
    box.accept = lambda letter, settle: bool(asked.append(clock.now_ms()))
    for _ in range(20):
        letters.send(fetch(1), rejects(0))
        clock.advance(100)
    assert len(asked) == 2


def test_what_may_pass_is_sent_again_and_what_cannot_is_given_up(box, clock):
    letters = producer(box, clock)
    letters.send(fetch(1), rejects(0))
    box.outcome = Outcome("leader is moving", again=True)
    box.settle()
    assert not letters.full
    assert counts(letters) == {}
    box.outcome = Outcome()
    assert letters.flush(5.0)
    letters.send(fetch(1), rejects(0))
    box.outcome = Outcome("too large")
    assert letters.flush(5.0)
    assert counts(letters) == {"delivered": 1, "failed": 1}


def test_more_than_the_rate_is_counted_and_not_sent(box, clock):
    letters = producer(box, clock, max_per_second=10)
    letters.send(fetch(25), rejects(*range(25)))
    assert letters.flush(0.0) is False
    assert len(box.taken) == 10
    clock.advance(500)
    letters.send(fetch(25), rejects(*range(25)))
    letters.flush(5.0)
    assert counts(letters) == {"delivered": 15, "suppressed": 35}


def test_an_idle_time_saves_no_more_than_one_second_of_the_rate(box, clock):
    letters = producer(box, clock, max_per_second=10)
    clock.advance(3_600_000)
    letters.send(fetch(25), rejects(*range(25)))
    assert len(box.taken) == 10


def test_close_sends_what_it_can_and_says_nothing_of_the_rest(box, clock):
    letters = producer(box, clock)
    box.open = False
    letters.send(fetch(1), rejects(0))
    letters.close(0.5)
    assert box.closed == 1
