"""The store: one process, one transaction, and nothing lost where disk or lock refuse."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from monitor.checkpoint import Checkpoint, StoredWindow
from monitor.errors import Retryable, StoreError, SurroundingsError
from monitor.store.outbox import Outbox, SinkRoute
from monitor.store.sqlite import Store
from monitor.types import Alert
from tests.support.monitors import tp


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "state")) as opened:
        yield opened


def window(start_ms, end_ms=None, *, rows=5, lines='{"kind":"verdict"}', profile=b"p", windows=1):
    return StoredWindow(start_ms, end_ms or start_ms + 1_000, windows, rows, lines, profile)


def checkpoint(**parts):
    return Checkpoint(**({"monitor": b"{}", "heads": {tp(): b"head"}} | parts))


def alert(status="firing", fingerprint="f"):
    return Alert(status, fingerprint, "warning", 1_000, None if status == "firing" else 2_000)


def test_an_empty_store_knows_nothing(store):
    assert store.get("monitor") is None
    assert store.head(tp()) is None
    assert store.panes(tp()) == {}
    assert list(store.windows()) == []


def test_a_checkpoint_is_there_after_the_store_was_opened_again(tmp_path):
    with closing(Store(tmp_path)) as first:
        first.commit(
            checkpoint(
                monitor=b"m",
                heads={tp(0): b"h0", tp(1): b"h1"},
                panes={(tp(0), 0): b"p0", (tp(0), 1_000): b"p1"},
                windows=[window(0)],
            )
        )
    with closing(Store(tmp_path)) as again:
        assert again.get("monitor") == b"m"
        assert again.heads() == {tp(0): b"h0", tp(1): b"h1"}
        assert again.panes(tp(0)) == {0: b"p0", 1_000: b"p1"}
        assert list(again.windows()) == [(0, 1_000, 1, 5, 0, '{"kind":"verdict"}')]
        assert list(again.window_profiles()) == [(0, 1_000, b"p")]


def test_only_what_a_checkpoint_names_changes(store):
    store.commit(checkpoint(panes={(tp(0), 0): b"a", (tp(0), 1_000): b"b", (tp(1), 0): b"c"}))
    store.commit(checkpoint(heads={}, panes={(tp(0), 0): None, (tp(0), 1_000): b"B"}))
    assert store.panes(tp(0)) == {1_000: b"B"}
    assert store.panes(tp(1)) == {0: b"c"}
    assert store.head(tp()) == b"head"


def test_revised_rows_count_for_the_windows_judged_before_they_came(store):
    store.commit(checkpoint(windows=[window(0, 3_000), window(1_000, 4_000), window(2_000, 5_000)]))
    # the rows came after the window that ended at 4000, and before the one that ended at 5000 was judged
    store.commit(checkpoint(revised={(2_000, 4_000): 7, (500, 4_000): 1}))
    assert [(start, revised) for start, _, _, _, revised, _ in store.windows()] == [(0, 8), (1_000, 7), (2_000, 0)]


def test_rows_revise_a_window_of_the_same_checkpoint(store):
    store.commit(checkpoint(windows=[window(0)], revised={(0, 1_000): 2}))
    store.commit(checkpoint(revised={(0, 1_000): 3}))
    assert [row[4] for row in store.windows()] == [5]


def test_rows_in_a_run_of_empty_windows_revise_the_run(store):
    store.commit(checkpoint(windows=[window(0, 60_000, rows=0, windows=60, profile=None)]))
    store.commit(checkpoint(revised={(30_000, 60_000): 4}))
    assert [row[4] for row in store.windows()] == [4]


def test_alerts_wait_in_the_outbox_of_the_same_file(store):
    store.commit(checkpoint(alerts=[alert()]), [SinkRoute("pager")])
    with closing(Outbox(store.path)) as outbox:
        assert [item.alert for item in outbox.due("pager", 0, 10)] == [alert()]


def test_collapse_lets_only_the_final_state_wait(store):
    store.commit(checkpoint(alerts=[alert(), alert("resolved")]), [SinkRoute("pager")], collapse=True)
    with closing(Outbox(store.path)) as outbox:
        assert outbox.due("pager", 0, 10) == []


# --- one process


def test_a_second_process_is_refused_and_the_lock_ends_with_the_first(tmp_path):
    script = f"from monitor.store.sqlite import Store; Store({str(tmp_path)!r})"
    with closing(Store(tmp_path)):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "SurroundingsError: another process uses the store" in done.stderr
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_in_one_process_too(store):
    with pytest.raises(SurroundingsError, match="another process"):
        Store(store.directory)


def test_a_directory_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SurroundingsError, match=r"store\.path"):
        Store(tmp_path / "file" / "state")


def test_closing_twice_is_fine(tmp_path):
    store = Store(tmp_path)
    store.close()
    store.close()
    Store(tmp_path).close()


# --- damage


def test_a_file_that_is_no_database_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "driftline.sqlite3").write_bytes(b"not a database, but long enough to look at" * 30)
    with pytest.raises(StoreError, match=r"damaged.*move it away"):
        Store(tmp_path)
    # the lock is free again: the same process may try with the file moved away
    (tmp_path / "driftline.sqlite3").unlink()
    Store(tmp_path).close()


def test_a_damaged_page_is_a_store_error_when_it_is_read(tmp_path):
    with closing(Store(tmp_path)) as store:
        store.commit(checkpoint(panes={(tp(), i): bytes(5_000) for i in range(50)}))
    file = tmp_path / "driftline.sqlite3"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(file.read_bytes())
    data[4096 * 8 :] = b"\xff" * (len(data) - 4096 * 8)
    file.write_bytes(data)
    with closing(Store(tmp_path)) as store, pytest.raises(StoreError, match="damaged"):
        store.panes(tp())


def test_another_format_is_refused_and_left_as_it_is(tmp_path):
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "driftline.sqlite3")) as db, db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
        db.execute("DROP TABLE windows")
    with pytest.raises(StoreError, match=r"format '99'.*move it away"):
        Store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "driftline.sqlite3")) as db:
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'windows'").fetchall() == []


# --- disk and lock


def locked(store):
    """Hold the write lock as another connection, such as a tool, would; returns what holds it."""
    store._db.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return closing(other)


def test_a_locked_database_is_retryable_and_the_next_commit_succeeds(store):
    with locked(store), pytest.raises(Retryable, match="locked"):
        store.commit(checkpoint(windows=[window(0)]))
    assert list(store.windows()) == []
    store.commit(checkpoint(windows=[window(0)]))
    assert len(list(store.windows())) == 1


def test_a_full_disk_is_retryable_and_nothing_of_the_checkpoint_is_stored(store):
    store.commit(checkpoint(monitor=b"before"))
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Retryable, match="full"):
        store.commit(checkpoint(monitor=b"after", windows=[window(0, profile=bytes(500_000))], alerts=[alert()]))
    assert store.get("monitor") == b"before"
    assert list(store.windows()) == []
    store._db.execute("PRAGMA max_page_count = 1000000")
    store.commit(checkpoint(monitor=b"after", windows=[window(0, profile=bytes(500_000))]))
    assert store.get("monitor") == b"after"


def test_an_error_of_ours_inside_a_transaction_leaves_nothing_behind(store):
    with pytest.raises(sqlite3.ProgrammingError):
        store.commit(checkpoint(monitor=b"after", heads={tp(): object()}, windows=[window(0)]))
    assert store.get("monitor") is None
    store.commit(checkpoint(monitor=b"then"))
    assert store.get("monitor") == b"then"


# --- history


def prune(store, before_ms, max_bytes):
    store._commits = 100
    store.prune(before_ms, max_bytes)
    return [end for _, end, *_ in store.windows()]


def test_windows_older_than_the_history_are_forgotten(store):
    store.commit(checkpoint(windows=[window(i * 1_000) for i in range(5)]))
    assert prune(store, 3_000, 10**9) == [3_000, 4_000, 5_000]


def test_the_oldest_go_first_when_the_history_is_too_large(store):
    store.commit(checkpoint(windows=[window(i * 1_000, lines="x" * 60, profile=bytes(40)) for i in range(5)]))
    assert prune(store, 0, 300) == [3_000, 4_000, 5_000]
    assert prune(store, 0, 299) == [4_000, 5_000]


def test_pruning_happens_now_and_then_only(store):
    store.commit(checkpoint(windows=[window(0)]))
    store.prune(10**9, 10**9)
    assert len(list(store.windows())) == 1


def test_open_panes_and_offsets_are_never_pruned(store):
    store.commit(checkpoint(panes={(tp(), 0): b"pane"}, windows=[window(0)]))
    assert prune(store, 10**9, 0) == []
    assert store.panes(tp()) == {0: b"pane"}
    assert store.head(tp()) == b"head"
