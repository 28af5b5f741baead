"""Silences in the store: kept across restarts, bounded, pruned."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.alerting.matching import parse_matchers
from monitor.alerting.silence import Silence, TooManySilences
from monitor.errors import Retryable, SurroundingsError
from monitor.store.outbox import Outbox
from monitor.store.reading import stored_alerts
from monitor.store.silences import KEPT_MS, Silences
from monitor.store.sqlite import Store

NOW_MS = 1_700_000_000_000


def silence(name: str, *, starts_at_ms: int = NOW_MS, ends_at_ms: int = NOW_MS + 1_000) -> Silence:
    matchers = parse_matchers(['field="a\\"b\\\\c"', "segment=~数.*", "rule!=psi"])
    return Silence(name, matchers, starts_at_ms, ends_at_ms, "why\n\N{PILE OF POO}", "ada", NOW_MS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def silences(path: Path) -> Iterator[Silences]:
    with closing(Silences(path, limit=3)) as opened:
        yield opened


def names(silences: Silences, now_ms: int = NOW_MS) -> list[str]:
    return [each.id for each in silences.all(now_ms)]


def test_a_silence_comes_back_as_it_went_in_also_after_a_restart(silences: Silences, path: Path) -> None:
    silences.add(silence("a"), NOW_MS)
    assert silences.all(NOW_MS) == [silence("a")]
    with closing(Silences(path)) as again:
        assert again.all(NOW_MS) == [silence("a")]


def test_expiring_ends_it_now_whether_it_has_begun_or_not(silences: Silences) -> None:
    silences.add(silence("active", starts_at_ms=NOW_MS - 5_000), NOW_MS)
    silences.add(silence("pending", starts_at_ms=NOW_MS + 500), NOW_MS)
    for name in ("active", "pending"):
        ended = silences.expire(name, NOW_MS + 10)
        assert ended is not None
        assert ended.state(NOW_MS + 10) == "expired"
        assert ended.starts_at_ms <= ended.ends_at_ms == NOW_MS + 10
        assert silences.expire(name, NOW_MS + 99) == ended, "once"
    assert silences.expire("unknown", NOW_MS) is None


def test_there_are_only_so_many_that_have_not_ended(silences: Silences) -> None:
    for name in "abc":
        silences.add(silence(name), NOW_MS)
    with pytest.raises(TooManySilences, match="3 silences"):
        silences.add(silence("d"), NOW_MS)
    silences.expire("a", NOW_MS)
    silences.add(silence("d"), NOW_MS)
    assert sorted(names(silences)) == ["a", "b", "c", "d"]


def test_those_that_ended_are_listed_for_a_while_and_bounded(silences: Silences) -> None:
    for i in range(9):
        silences.add(silence(f"s{i}", ends_at_ms=NOW_MS + i), NOW_MS + i - 1)
    assert names(silences, NOW_MS + 8) == ["s8", "s7", "s6", "s5"], "the one added last found room for three ended ones"
    assert names(silences, NOW_MS + 6 + KEPT_MS) == ["s8", "s7"]
    silences.add(silence("new", ends_at_ms=NOW_MS + 2 * KEPT_MS), NOW_MS + 8 + KEPT_MS)
    assert names(silences, NOW_MS) == ["new"]


def test_it_lives_beside_the_checkpoint_and_the_outbox_and_takes_turns_with_them(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store, closing(Outbox(store.path)), closing(Silences(store.path)) as silences:
        threads = [
            threading.Thread(target=lambda i=i: [silences.add(silence(f"{i}-{n}"), NOW_MS) for n in range(20)])
            for i in range(3)
        ]
        for thread in threads:
            thread.start()
        for n in range(20):
            store.put({"key": str(n)})
        for thread in threads:
            thread.join()
        assert len(silences.all(NOW_MS)) == 60
        assert store.get("key") == "19"
        assert len(stored_alerts(store.path, NOW_MS).silences) == 60


def test_a_locked_store_is_worth_another_try(silences: Silences, path: Path) -> None:
    silences._file.connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="locked"):
            silences.add(silence("a"), NOW_MS)
        assert silences.all(NOW_MS) == [], "reading goes on"
        other.execute("ROLLBACK")
    silences.add(silence("a"), NOW_MS)


def test_a_store_that_is_not_there_is_not_made_by_looking(path: Path) -> None:
    with pytest.raises(SurroundingsError, match="there is no store"):
        stored_alerts(path, NOW_MS)
    assert not path.exists()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(SurroundingsError, match="cannot be read"):
        stored_alerts(path, NOW_MS)
