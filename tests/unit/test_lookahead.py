"""What is decoded one poll ahead gives the same statistics as what is decoded in turn."""

from __future__ import annotations

import threading

import pytest

from monitor.decoders.ahead import Ahead
from monitor.engine import Engine
from monitor.lookahead import Lookahead
from monitor.partition import PartitionState
from monitor.profile import ENOUGH_ROWS
from monitor.types import Column
from tests.support.monitors import (
    FixedDecoder,
    assert_same_state,
    fetch,
    make_baseline,
    make_engine,
    make_plan,
    tp,
    usual,
)

MANY = ENOUGH_ROWS + 100
PLAN = make_plan(size_ms=1_000_000, baseline=make_baseline())


class Threads:
    """A decoder that notes in which threads it is asked."""

    def __init__(self) -> None:
        self.inner, self.seen = FixedDecoder(), set()

    def decode(self, one):
        self.seen.add(threading.current_thread())
        return self.inner.decode(one)


def owning(decoder):
    engine = Engine(PLAN, decoder)
    engine.assign(PartitionState(tp(), 0, 0))
    return engine


def test_few_records_are_handed_on_at_once():
    engine, ahead = make_engine(PLAN), Lookahead()
    few = fetch(usual(10))
    assert ahead.exchange(engine, [few]) == [few]
    assert not ahead


def test_many_records_are_held_until_the_next_poll_and_stay_in_order():
    engine, ahead = make_engine(PLAN), Lookahead()
    first, second, last = fetch(usual(2_000)), fetch(usual(2_000), at=2_000), fetch(usual(5), at=4_000)
    assert ahead.exchange(engine, [first]) == []
    assert ahead
    assert ahead.exchange(engine, [second]) == [first]
    assert ahead.exchange(engine, [last]) == [second, last]
    assert not ahead
    assert ahead.exchange(engine, [first]) == []
    assert ahead.take([last]) == [first, last]


def test_a_poll_without_records_lets_go_of_what_is_held():
    engine, ahead = make_engine(PLAN), Lookahead()
    ahead.exchange(engine, [fetch(usual(2_000))])
    assert len(ahead.exchange(engine, [])) == 1


def test_the_state_is_that_of_decoding_in_turn():
    records = usual(3 * MANY)
    polls = [fetch(records[i * MANY : (i + 1) * MANY], at=i * MANY) for i in range(3)]
    decoder, alone = Threads(), make_engine(PLAN)
    engine, ahead = owning(Ahead(decoder)), Lookahead()
    for poll in polls:
        alone.step([poll], 0)
        engine.step(ahead.exchange(engine, [poll]), 0)
    engine.step(ahead.take(), 0)
    left, right = engine.partitions[tp()], alone.partitions[tp()]
    assert left.head(1) == right.head(1)
    assert left.panes.keys() == right.panes.keys()
    for start, pane in left.panes.items():
        assert_same_state(pane.state(), right.panes[start].state())
    assert len(decoder.seen) == 1
    assert threading.current_thread() not in decoder.seen


def test_a_held_fetch_can_be_folded_by_an_engine_that_has_not_begun_with_it():
    ahead = Lookahead()
    ahead.exchange(owning(Ahead(FixedDecoder())), [fetch(usual(2_000))])
    successor = owning(Ahead(FixedDecoder()))
    successor.step(ahead.take(), 0)
    assert successor.partitions[tp()].records == 2_000


def test_fetches_of_a_partition_that_was_given_up_are_left_out():
    engine, ahead = owning(Ahead(FixedDecoder())), Lookahead()
    ahead.exchange(engine, [fetch(usual(2_000)), fetch(usual(2_000), partition=tp(1))])
    engine.step(ahead.take(), 0)
    assert engine.partitions[tp()].records == 2_000


@pytest.mark.parametrize(
    ("rows", "size_ms", "derives"), [(MANY, 1_000_000, True), (9, 1_000_000, False), (MANY, 1_000, False)]
)
def test_columns_are_derived_from_where_all_their_rows_are_folded_together(rows, size_ms, derives):
    plan = make_plan(size_ms=size_ms, baseline=make_baseline())
    batch = FixedDecoder().decode(fetch(usual(rows))).batch
    plan.derive(batch)
    assert all(("hashes" in vars(column)) is derives for column in batch.columns.values())
    assert batch.columns["country"].is_encoded is derives
    assert {type(column) for column in batch.columns.values()} == {Column}
