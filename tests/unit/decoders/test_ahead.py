"""Decoding ahead of whoever folds changes neither the results nor their order."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from monitor.decoders import DecodePlan, JsonSpec, ahead
from monitor.decoders.ahead import Ahead, decode_all, pieces
from monitor.errors import SurroundingsError
from tests.support.decoding import cells, fetch_of

PLAN = DecodePlan({"a": "number"})


def fetches():
    return [fetch_of([f'{{"a":{10 * i + j}}}'.encode() for j in range(i)], first_offset=100 * i) for i in range(1, 6)]


def values(decoded):
    return [(one.batch.offsets.tolist(), cells(one.batch.columns["a"])) for one in decoded]


def test_the_results_are_those_of_the_decoder_itself_in_the_same_order():
    inner = JsonSpec().build(PLAN)
    alone = values(decode_all(inner, fetches()))
    assert values(decode_all(Ahead(inner), fetches())) == alone
    assert values(decode_all(Ahead(inner), fetches()[:1])) == alone[:1]
    assert values(decode_all(Ahead(inner), [])) == []


class Watched:
    """A decoder that notes in which thread it is asked, and does not answer for long before it is let."""

    def __init__(self, fails_at=None):
        self.inner, self.threads, self.go, self.fails_at = JsonSpec().build(PLAN), [], threading.Event(), fails_at

    def decode(self, fetch):
        self.threads.append(threading.current_thread())
        if len(self.threads) > 1:
            assert self.go.wait(60)
        if len(self.threads) == self.fails_at:
            raise SurroundingsError("gone")
        return self.inner.decode(fetch)


def test_a_result_can_be_had_while_the_next_fetch_is_being_decoded():
    watched = Watched()
    found = decode_all(Ahead(watched), fetches())
    first = next(found)
    assert len(first.batch) == 1
    watched.go.set()
    assert len(list(found)) == 4
    assert len(set(watched.threads)) == 1
    assert watched.threads[0] is not threading.current_thread()


def test_what_a_decoder_raises_is_raised_where_its_result_is_wanted():
    watched = Watched(fails_at=2)
    watched.go.set()
    found = decode_all(Ahead(watched), fetches())
    next(found)
    with pytest.raises(SurroundingsError, match="gone"):
        next(found)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 6, 7, 11])
def test_a_large_fetch_comes_in_pieces_that_are_all_of_it(monkeypatch, n):
    monkeypatch.setattr(ahead, "PIECE_ROWS", 3)
    headers = [[("h", str(i).encode())] for i in range(n)]
    whole = replace(fetch_of([b"%d" % i for i in range(n)], first_offset=7), headers=headers, end_offset=99)
    whole = replace(whole, offsets=whole.offsets * 2, next_offset=2 * n + 20)
    parts = list(pieces(whole))
    assert [len(part) for part in parts] == [3] * ((n - 1) // 3 if n else 0) + [n - max(0, n - 1) // 3 * 3]
    assert np.concatenate([part.offsets for part in parts]).tolist() == whole.offsets.tolist()
    assert [value for part in parts for value in part.values.to_pylist()] == whole.values.to_pylist()
    assert [header for part in parts for header in part.headers] == headers
    assert [part.next_offset for part in parts] == [part.offsets[0] for part in parts[1:]] + [whole.next_offset]
    assert [part.end_offset for part in parts] == [None] * (len(parts) - 1) + [99]
