"""Which version is current: promoted, rolled back, remembered, by however many writers."""

from __future__ import annotations

import threading

import pytest

from monitor.baseline.pointer import Pointer
from monitor.errors import StoreError


@pytest.fixture
def pointer(tmp_path):
    return Pointer(tmp_path / "baselines")


def test_moves_are_remembered_with_when_how_and_why(pointer):
    pointer.move("a", 1, "build")
    pointer.move("b", 2, "promote", "after the release")
    first, second = pointer.history()
    assert (first.at_ms, first.previous, first.version, first.by, first.reason) == (1, None, "a", "build", "")
    assert (second.previous, second.version, second.by, second.reason) == ("a", "b", "promote", "after the release")
    assert pointer.current() == "b"


def test_a_move_to_where_it_is_already_is_none(pointer):
    pointer.move("a", 1, "build")
    assert pointer.move("a", 2, "promote") is None
    assert len(pointer.history()) == 1


def test_rollbacks_lead_back_step_by_step(pointer):
    for at, version in enumerate("abc"):
        pointer.move(version, at, "build")
    assert pointer.back(10).version == "b"
    assert pointer.back(11).version == "a"
    with pytest.raises(StoreError, match="no version was current before"):
        pointer.back(12)
    pointer.move("c", 13, "promote")
    assert pointer.back(14).version == "a"
    assert [move.by for move in pointer.history()][-2:] == ["promote", "rollback"]


def test_a_pointer_from_before_there_was_a_history_counts(pointer):
    pointer._path.mkdir()
    (pointer._path / "current").write_text("old\n")
    assert pointer.trail() == ["old"]
    pointer.move("new", 1, "build")
    assert pointer.back(2).version == "old"


def test_a_line_that_a_crash_cut_off_is_left_out_and_written_over(pointer):
    pointer.move("a", 1, "build")
    with (pointer._path / "history.jsonl").open("a") as out:
        out.write('{"at_ms": 2, "fro')
    assert [move.version for move in pointer.history()] == ["a"]
    pointer.move("b", 3, "promote")
    assert [move.version for move in pointer.history()] == ["a", "b"]


def test_a_damaged_line_is_refused_with_its_file(pointer):
    pointer.move("a", 1, "build")
    (pointer._path / "history.jsonl").write_text("{}\n")
    with pytest.raises(StoreError, match=r"history\.jsonl is damaged"):
        pointer.history()


def test_many_writers_leave_one_unbroken_chain(pointer):
    def write(number: int) -> None:
        for i in range(10):
            Pointer(pointer._path).move(f"{number}-{i}", i, "promote")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moves = pointer.history()
    assert len(moves) == 40
    assert [move.previous for move in moves] == [None, *(move.version for move in moves[:-1])]
    assert pointer.current() == moves[-1].version
