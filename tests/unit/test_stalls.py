"""A partition that does not move though there is work: sought anew, then a new client, then less and less often."""

from __future__ import annotations

import pytest

from monitor.sources.memory import MemorySource
from monitor.sources.records import empty_fetch
from monitor.stalls import AGAIN_AFTER_S
from tests.support.monitors import FIRST_MS, Rig, make_plan, record, tp

STALLED_AFTER_S = 61


class Stalling(MemorySource):
    """A source one of whose partitions stops delivering until it was sought, or the client restarted, so often."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.heals_after = {"seek": 10**9, "restart": 10**9}
        self.stuck = frozenset()

    def poll(self, paused, timeout_s):
        healed = len(self.sought) > self.heals_after["seek"] or self.restarts >= self.heals_after["restart"]
        if healed or self._events:
            return super().poll(paused, timeout_s)
        held = {p: at for p, at in self._next.items() if p in self.stuck}
        ends = [self._fetch_nothing(p, at) for p, at in held.items()]
        return [*super().poll(paused | self.stuck, timeout_s), *ends]

    def _fetch_nothing(self, partition, at):
        return empty_fetch(partition, at, self._end(partition) if self.answers else None)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.support.monitors.MemorySource", Stalling)
    r = Rig(tmp_path, make_plan(), partitions=(tp(0), tp(1)))
    r.append([record(FIRST_MS)], tp(0))
    r.append([record(FIRST_MS)], tp(1))
    r.start()
    r.until_end()
    r.source.stuck = frozenset({tp(0)})
    r.append([record(FIRST_MS + 1)], tp(0))
    r.source.sought.clear()
    yield r
    r.store.close()


def wait(rig, seconds):
    """Let time go by in steps in which the broker goes on confirming its ends."""
    for _ in range(seconds):
        rig.clock.advance(1_000)
        rig.rounds(1)


def test_a_stalled_partition_is_sought_where_it_is_folded_up_to(rig):
    rig.source.heals_after = {"seek": 0, "restart": 10**9}
    wait(rig, STALLED_AFTER_S - 5)
    assert rig.source.sought == []
    wait(rig, 10)
    assert rig.source.sought == [(tp(0), 1)]
    assert rig.snapshots[-1].stall_actions == {"seek": 1}
    assert [p.stalled for p in rig.snapshots[-1].partitions] == [False, False]
    assert rig.daemon.engine.partitions[tp(0)].records == 2
    wait(rig, 200)
    assert (len(rig.source.sought), rig.source.restarts) == (1, 0)


def test_where_seeking_does_not_help_the_client_is_restarted(rig):
    rig.source.heals_after = {"seek": 10**9, "restart": 1}
    wait(rig, STALLED_AFTER_S + 5)
    assert (rig.source.restarts, rig.snapshots[-1].partitions[0].stalled) == (0, True)
    wait(rig, round(AGAIN_AFTER_S))
    assert rig.snapshots[-1].stall_actions == {"seek": 1, "restart": 1}
    assert rig.daemon.engine.partitions[tp(0)].records == 2
    assert rig.snapshots[-1].partitions[0].stalled is False


def test_what_nothing_helps_is_tried_less_and_less_often(rig):
    wait(rig, 1_000)
    assert (len(rig.source.sought), rig.source.restarts) == (1, 4)


def test_a_broker_that_does_not_answer_is_left_alone(rig):
    rig.source.answers = False
    wait(rig, 300)
    assert (rig.source.sought, rig.source.restarts) == ([], 0)
