"""How many records are taken of which partition."""

from __future__ import annotations

from monitor.proposing.gathering import gather, quotas
from monitor.sources.memory import MemorySource
from monitor.types import TopicPartition

P = [TopicPartition("t", n) for n in range(3)]


def test_shares_are_equal_and_what_one_lacks_goes_to_the_others():
    assert quotas({P[0]: 10, P[1]: 100, P[2]: 100}, 90) == {P[0]: 10, P[1]: 40, P[2]: 40}
    assert quotas({P[0]: 0, P[1]: 5}, 90) == {P[1]: 5}
    assert quotas({P[0]: None, P[1]: None}, 10) == {P[0]: 5, P[1]: 5}
    assert sum(quotas(dict.fromkeys(P, 100), 100).values()) in (99, 100)
    assert quotas({}, 10) == {}


def held(*sizes: int) -> MemorySource:
    source = MemorySource(P[: len(sizes)], max_poll_records=7)
    for partition, n in zip(P, sizes, strict=False):
        source.append(partition, [b"{}"] * n)
    return source


def test_the_first_records_of_every_partition_are_taken_and_no_more():
    found = gather(held(50, 4), 20)
    assert {p: sum(map(len, fetches)) for p, fetches in found.fetches.items()} == {P[0]: 16, P[1]: 4}
    assert not found.complete
    assert [int(f.offsets[0]) for f in found.fetches[P[0]]] == [0, 7, 14]


def test_a_source_that_holds_no_more_is_complete():
    assert gather(held(5, 4), 20).complete
    assert gather(held(0, 0), 20).records == 0
