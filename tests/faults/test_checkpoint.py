"""A crash at any moment of a checkpoint, a full disk, a locked file: nothing is lost and nothing counts twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.checkpointing import Options
from monitor.codec import decode
from monitor.saving import decode_head
from monitor.store.sqlite import Store
from tests.support.monitors import FIRST_MS, Rig, assert_same_state, make_baseline, make_plan, record, tp

BASELINE = make_baseline()
PLAN = make_plan(baseline=BASELINE, idle_ms=10**9)
VALUES = [record(FIRST_MS + 60 * i, (i * 7 % 90) / 2, ["DE", "FR", None][i % 3]) for i in range(400)]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _quiet():
    with capture_logs():
        yield


def story(directory: Path) -> tuple[list, dict, dict]:
    """Return windows, heads and profiles of a store."""
    with closing(Store(directory)) as store:
        heads = {p: decode_head(head) for p, head in store.heads().items()}
        return list(store.windows()), heads, {end: state for _, end, state in store.window_profiles()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return what the store says after a life without trouble."""
    rig = rig_in(tmp_path_factory.mktemp("undisturbed"))
    rig.start()
    finish(rig)
    return story(rig.directory)


def rig_in(directory: Path, **parts) -> Rig:
    rig = Rig(directory, PLAN, max_poll_records=37, options=Options(checkpoint_interval_ms=0), **parts)
    rig.append(VALUES)
    return rig


def finish(rig: Rig) -> None:
    rig.until_end()
    rig.daemon._drain()
    rig.crash()


def assert_same_story(rig: Rig, expected) -> None:
    windows, heads, profiles = story(rig.directory)
    assert windows == expected[0]
    assert heads == expected[1]
    assert profiles.keys() == expected[2].keys()
    for end, state in profiles.items():
        assert_same_state(decode(state), decode(expected[2][end]))


@pytest.mark.parametrize("moment", ["before the commit", "within it", "after it", "before the broker is told"])
@pytest.mark.parametrize("nth", [1, 2, 5, 8])
def test_a_crash_around_a_commit_changes_nothing(tmp_path, undisturbed, monkeypatch, moment, nth):
    rig = rig_in(tmp_path)
    rig.start()
    commits = []
    commit, tell, put = rig.store.commit, rig.source.commit, "monitor.store.sqlite.put"

    def dying(checkpoint, *args, **kwargs):
        commits.append(checkpoint)
        if len(commits) != nth or moment == "before the broker is told":
            return commit(checkpoint, *args, **kwargs)
        if moment == "within it":
            monkeypatch.setattr(put, die)
        if moment == "after it":
            commit(checkpoint, *args, **kwargs)
        if moment == "within it":
            commit(checkpoint, *args, **kwargs)
        raise Killed

    def die(*args, **kwargs):
        raise Killed

    def dying_tell(offsets):
        if len(commits) == nth and moment == "before the broker is told":
            raise Killed
        tell(offsets)

    monkeypatch.setattr(rig.store, "commit", dying)
    monkeypatch.setattr(rig.source, "commit", dying_tell)
    with pytest.raises(Killed):
        rig.until_end()
    monkeypatch.undo()
    rig.restart()
    finish(rig)
    assert_same_story(rig, undisturbed)


def test_a_crash_after_every_round_changes_nothing(tmp_path, undisturbed):
    rig = rig_in(tmp_path)
    for _ in range(30):
        rig.start()
        rig.rounds(2)
        rig.crash()
    rig.start()
    finish(rig)
    assert_same_story(rig, undisturbed)


def test_a_full_disk_loses_nothing_and_the_next_commit_has_it_all(tmp_path, undisturbed):
    rig = rig_in(tmp_path)
    rig.start()
    rig.rounds(2)
    (pages,) = rig.store._db.execute("PRAGMA page_count").fetchone()
    rig.store._db.execute(f"PRAGMA max_page_count = {pages}")
    rig.clock.advance(1_000)
    rig.rounds(15)
    assert rig.daemon._saver.pending_windows > 0
    assert rig.daemon.engine.partitions[tp()].records == len(VALUES)
    rig.store._db.execute("PRAGMA max_page_count = 1000000")
    rig.clock.advance(1_000)
    finish(rig)
    assert_same_story(rig, undisturbed)


def test_a_crash_while_the_disk_is_full_goes_on_from_the_last_commit(tmp_path, undisturbed):
    rig = rig_in(tmp_path)
    rig.start()
    rig.rounds(4)
    (pages,) = rig.store._db.execute("PRAGMA page_count").fetchone()
    rig.store._db.execute(f"PRAGMA max_page_count = {pages}")
    rig.clock.advance(1_000)
    rig.rounds(4)
    rig.restart()
    finish(rig)
    assert_same_story(rig, undisturbed)


def test_a_locked_file_loses_nothing(tmp_path, undisturbed):
    rig = rig_in(tmp_path)
    rig.start()
    rig.rounds(2)
    rig.store._db.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(rig.store.path, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        rig.rounds(6)
    rig.clock.advance(1_000)
    finish(rig)
    assert_same_story(rig, undisturbed)


def test_too_many_windows_that_are_not_durable_stop_the_reading(tmp_path, monkeypatch):
    monkeypatch.setattr("monitor.checkpointing._MAX_PENDING_WINDOWS", 3)
    rig = rig_in(tmp_path)
    rig.start()
    rig.rounds(2)
    rig.store._db.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(rig.store.path, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        rig.rounds(20)
        records = rig.daemon.engine.partitions[tp()].records
        assert records < len(VALUES)
    rig.clock.advance(1_000)
    rig.until_end()
    assert rig.daemon.engine.partitions[tp()].records == len(VALUES)
    rig.crash()
