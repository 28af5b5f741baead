"""The rules of dead letters, with a box in place of a producer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from structlog.testing import capture_logs

from monitor.clock import ManualClock
from monitor.decoded import Rejects
from monitor.snapshot import LettersView
from monitor.sources import KafkaSpec
from monitor.sources.dead_letter import DeadLetterProducer, DeadLetterSpec
from monitor.sources.letters import Outcome
from monitor.types import Fetch, TopicPartition


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


def test_a_topic_of_nothing_but_rejects_is_not_copied(box, clock):
    """One in ten of a hundred records: ten letters and not one more, however the records are cut into fetches."""
    for size in (1, 7, 50, 1_000):
        letters = producer(box, clock, max_ratio=0.1, ratio_records=100)
        for first in range(0, 1_000, size):
            letters.send(fetch(size, first=first), rejects(*range(size)))
        n = -(-1_000 // size) * size
        assert [int(dict(letter.headers)["driftline.offset"]) for letter, _ in box.taken] == list(range(10))
        assert letters.counts["dead", "suppressed"] == n - 10
        box.taken = []


def test_after_enough_fine_records_letters_are_sent_again(box, clock):
    letters = producer(box, clock, max_ratio=0.1, ratio_records=100)
    letters.send(fetch(20), rejects(*range(20)))
    letters.send(fetch(89), rejects())
    letters.send(fetch(1), rejects(0))  # the 110th: of it and the 99 before, the tenth to twentieth are rejects
    assert counts(letters) == {"suppressed": 11}
    letters.send(fetch(1), rejects())
    letters.send(fetch(1), rejects(0))
    assert letters.counts["dead", "suppressed"] == 11


def test_one_topic_over_its_share_does_not_silence_another(box, clock):
    letters = producer(box, clock, max_ratio=0.1, ratio_records=100)
    letters.send(fetch(50), rejects(*range(50)))
    other = fetch(10)
    letters.send(replace(other, partition=TopicPartition("u", 0)), rejects(*range(10)))
    assert counts(letters) == {"suppressed": 40}
    assert letters.view.suppressing == (("t", "max_ratio"),)


def test_what_the_share_holds_back_does_not_use_up_the_rate(box, clock):
    letters = producer(box, clock, max_ratio=0.1, ratio_records=100, max_per_second=12)
    letters.send(fetch(50), rejects(*range(50)))
    letters.send(replace(fetch(10), partition=TopicPartition("u", 0)), rejects(*range(10)))
    assert len(box.taken) == 12
    assert letters.view.suppressing == (("t", "max_ratio"), ("u", "max_per_second"))


def test_suppression_is_said_when_it_begins_and_when_it_ends(box, clock):
    letters = producer(box, clock, max_ratio=0.1, ratio_records=100)
    with capture_logs() as said:
        letters.send(fetch(50), rejects(*range(50)))
        letters.send(fetch(50), rejects(*range(50)))
        clock.advance(3_600_000)
        assert not letters.full
        assert [entry["event"] for entry in said] == ["dead_letters_suppressed"]
        letters.send(fetch(100), rejects())
        assert not letters.full
        assert not letters.full
    assert [(entry["event"], entry["topic"], entry["limit"]) for entry in said] == [
        ("dead_letters_suppressed", "t", "max_ratio"),
        ("dead_letters_resumed", "t", "max_ratio"),
    ]
    assert (said[1]["suppressed"], said[1]["lasted_s"]) == (90, 0)
    assert letters.view.suppressing == ()


def test_a_rate_that_is_passed_again_and_again_is_said_once(box, clock):
    letters = producer(box, clock, max_per_second=10)
    with capture_logs() as said:
        for _ in range(30):
            letters.send(fetch(20), rejects(*range(20)))
            clock.advance(1_000)
            assert not letters.full
        clock.advance(60_000)
        assert not letters.full
    assert [(entry["event"], entry["limit"]) for entry in said] == [
        ("dead_letters_suppressed", "max_per_second"),
        ("dead_letters_resumed", "max_per_second"),
    ]
    assert said[1]["suppressed"] == 300


def test_the_view_tells_what_waits_for_the_broker(box, clock):
    letters = producer(box, clock)
    letters.send(fetch(3), rejects(0, 1, 2))
    assert letters.view == LettersView("dead", 3)
    letters.flush(1.0)
    assert letters.view == LettersView("dead")
