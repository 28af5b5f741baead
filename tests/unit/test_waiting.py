"""Fetches that cannot be decoded yet wait: in order, without a place lost, and nobody is troubled too often."""

from __future__ import annotations

import pytest

from monitor.checkpointing import Options
from monitor.clock import ManualClock
from monitor.errors import Retryable, SurroundingsError
from monitor.types import Revoked
from monitor.waiting import WaitingRoom, prepare_patiently
from tests.support.monitors import EVERY_ROUND, FIRST_MS, FixedDecoder, Rig, fetch, make_plan, record, tp

T = FIRST_MS


class Asking(FixedDecoder):
    """A decoder that has to ask somebody who is `down`, until he is not."""

    def __init__(self, retry_after_s: float | None = 2.0) -> None:
        self.down = True
        self.asked = 0
        self.retry_after_s = retry_after_s

    def prepare(self, fetch):
        self.asked += 1
        if self.down:
            raise Retryable("registry: no answer", retry_after_s=self.retry_after_s)


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path, plan=make_plan(idle_ms=10_000), decoder=Asking())
    yield made
    made.crash()


def test_a_decoder_that_asks_nobody_makes_nobody_wait():
    room = WaitingRoom(FixedDecoder(), ManualClock())
    first, second = fetch([record(T)]), fetch([], at=1)
    assert room.admit([first, second]) == [first, second]
    assert room.reason == ""


def test_what_waits_comes_in_order_and_the_other_side_is_asked_when_it_said():
    clock, decoder = ManualClock(), Asking()
    room = WaitingRoom(decoder, clock)
    first, second = fetch([record(T)]), fetch([record(T)], at=1)
    assert room.admit([first]) == []
    assert room.reason == "registry: no answer"
    decoder.down = False
    clock.advance(1_999)
    assert room.admit([second]) == []
    assert decoder.asked == 1
    clock.advance(1)
    assert room.admit([]) == [first, second]
    assert room.reason == ""
    assert room.admit([]) == []


def test_fetches_without_records_do_not_add_up():
    clock = ManualClock()
    room = WaitingRoom(Asking(), clock)
    room.admit([fetch([record(T)])])
    for _ in range(100):
        room.admit([fetch([], at=1, end=1)])
    assert len(room._fetches) == 1


def test_what_is_no_longer_ours_does_not_wait():
    room = WaitingRoom(Asking(), ManualClock())
    room.admit([fetch([record(T)]), fetch([record(T)], partition=tp(1))])
    room.forget([tp()])
    assert [each.partition for each in room._fetches] == [tp(1)]
    room.forget([tp(1)])
    assert room.reason == ""


def test_the_daemon_stands_still_and_says_why_then_goes_on_where_it_was(rig):
    rig.append([record(T + 100 * i) for i in range(40)])
    rig.start()
    rig.rounds(5)
    state = rig.daemon.engine.partitions[tp()]
    assert (state.records, state.next_offset) == (0, 0)
    rig.daemon._publish_now()
    assert rig.snapshots[-1].waiting_for == "registry: no answer"
    assert rig.daemon.alive()
    rig.append([record(T + 5_000)])
    rig.decoder.down = False
    rig.clock.advance(2_000)
    rig.until_end()
    assert (state.records, state.next_offset, state.rows) == (41, 41, 41)
    rig.daemon._publish_now()
    assert rig.snapshots[-1].waiting_for == ""


def test_a_daemon_that_waits_can_be_stopped_and_the_next_one_reads_the_same(rig):
    rig.options = Options(checkpoint_interval_ms=0, until_end=True)
    rig.append([record(T + 100 * i) for i in range(40)])
    rig.start()
    rig.rounds(2)
    rig.daemon.stop()
    rig.daemon.run()
    assert rig.daemon.engine.partitions[tp()].next_offset == 0
    rig.crash()
    rig.decoder = FixedDecoder()
    rig.start()
    rig.until_end()
    assert rig.daemon.engine.partitions[tp()].records == 40


def test_what_was_held_of_a_revoked_partition_is_forgotten(rig):
    rig.options = EVERY_ROUND
    rig.append([record(T)])
    rig.start()
    rig.rounds(2)
    assert rig.daemon._waiting.reason
    rig.source.push(Revoked((tp(),)))
    rig.rounds(1)
    assert not rig.daemon._waiting.reason


def test_a_bounded_command_asks_again_and_then_gives_up():
    decoder, waits = Asking(), []
    with pytest.raises(SurroundingsError, match="no answer; tried for 60 s"):
        prepare_patiently(decoder, fetch([record(T)]), wait=waits.append)
    assert waits == [2.0] * 30
    heals = Asking(retry_after_s=None)
    prepare_patiently(heals, fetch([record(T)]), wait=lambda _: setattr(heals, "down", False))
    assert heals.asked == 2
