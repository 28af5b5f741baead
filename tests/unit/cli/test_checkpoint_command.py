"""`driftline checkpoint` on a store that is healthy, in use, old, damaged or none."""

from __future__ import annotations

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.store.sqlite import file_in
from tests.support.monitors import FIRST_MS, Rig, make_plan, record, tp


def run(*arguments):
    result = CliRunner().invoke(app, ["checkpoint", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def inspect(directory):
    code, out, _ = run("inspect", "--store", directory, "-o", "json")
    return code, json.loads(out)


@pytest.fixture
def rig(tmp_path):
    """A monitor whose checks have found something: a few seconds of records."""
    r = Rig(tmp_path / "state", make_plan(), partitions=(tp(0), tp(1)))
    for number in (0, 1):
        r.append([record(FIRST_MS + i * 15, -1e9 if i > 200 else 1.0) for i in range(300)], tp(number))
    r.start()
    r.until_end()
    r.store.close()
    return r


def test_a_healthy_store_says_what_it_holds(rig):
    code, found = inspect(rig.directory)
    assert (code, found["problems"], found["in_use"], found["format"]) == (0, [], False, "1")
    offsets = [(p["topic"], p["partition"], p["from_offset"], p["next_offset"], p["rows"]) for p in found["partitions"]]
    assert offsets == [("t", 0, 0, 300, 300), ("t", 1, 0, 300, 300)]
    assert all(p["panes"] > 0 and p["pane_bytes"] > 0 for p in found["partitions"])
    assert found["windows"]["count"] > 0
    assert found["bytes"] > 0
    code, out, _ = run("inspect", "--store", rig.directory)
    assert code == 0
    assert "next_offset" in out


def test_it_is_looked_into_and_written_out_beside_the_daemon_but_not_reset(rig):
    rig.start()
    try:
        assert inspect(rig.directory)[1]["in_use"]
        assert run("export", "--store", rig.directory)[0] == 0
        for more in ((), ("--partition", "t:0"), ("--alerts",)):
            code, _, err = run("reset", "--store", rig.directory, "--yes", *more)
            assert (code, "stop it first" in err) == (69, True)
    finally:
        rig.store.close()
    assert inspect(rig.directory)[1]["partitions"][0]["next_offset"] == 300


def test_everything_is_exported_as_json_lines(rig, tmp_path):
    file = tmp_path / "out.jsonl"
    assert run("export", "--store", rig.directory, "-o", file)[0] == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {"meta", "partition", "pane", "window"} <= {line["kind"] for line in lines}
    assert "problem" not in {line["kind"] for line in lines}
    assert [line["head"]["next_offset"] for line in lines if line["kind"] == "partition"] == [300, 300]


def test_nothing_is_reset_without_yes(rig):
    before = file_in(rig.directory).read_bytes()
    code, _, err = run("reset", "--store", rig.directory)
    assert (code, "--yes" in err) == (2, True)
    assert file_in(rig.directory).read_bytes() == before


def test_a_whole_reset_moves_the_store_aside_and_the_monitor_begins_anew(rig):
    assert run("reset", "--store", rig.directory, "--yes")[0] == 0
    assert run("inspect", "--store", rig.directory)[0] == 69
    kept = rig.directory / "driftline.sqlite3.before-reset"
    with sqlite3.connect(kept) as db:
        assert db.execute("SELECT count(*) FROM partitions").fetchone() == (2,)
    rig.start()
    rig.until_end()
    assert rig.source.sought == [(tp(0), 0), (tp(1), 0)]
    rig.store.close()


def test_one_partition_begins_anew_and_the_other_goes_on(rig):
    assert run("reset", "--store", rig.directory, "--partition", "t:0", "--yes")[0] == 0
    rig.start()
    rig.until_end()
    assert rig.source.sought == [(tp(0), 0), (tp(1), 300)]
    assert [rig.daemon.engine.partitions[tp(n)].rows for n in (0, 1)] == [300, 300]
    rig.store.close()


@pytest.mark.parametrize(("offset", "records", "missed"), [(100, 500, 0), (300, 300, 0), (310, 301, 10)])
def test_a_partition_goes_on_at_another_offset(rig, offset, records, missed):
    arguments = ("--partition", "t:0", "--to-offset", offset, "--yes")
    assert run("reset", "--store", rig.directory, *arguments)[0] == 0
    rig.append([record(FIRST_MS + 40_000)] * (11 if offset == 310 else 0), tp(0))
    rig.start()
    rig.until_end()
    state = rig.daemon.engine.partitions[tp(0)]
    assert (state.records, state.missed, state.rows + state.rejects.total()) == (records, missed, records)
    rig.store.close()


def test_alerts_are_forgotten_and_nothing_waits(rig):
    with sqlite3.connect(file_in(rig.directory)) as db:
        db.execute("INSERT INTO firing VALUES ('f', 'critical', '{}', 0)")
    assert inspect(rig.directory)[1]["alerts_firing"] >= 1
    assert run("reset", "--store", rig.directory, "--alerts", "--yes")[0] == 0
    found = inspect(rig.directory)[1]
    assert (found["alerts_firing"], found["outbox"]) == (0, [])
    rig.start()
    assert rig.daemon.engine.book.firing() == []
    rig.store.close()


@pytest.mark.parametrize(
    "arguments",
    [("--to-offset", "3"), ("--partition", "t"), ("--partition", "t:x"), ("--to-offset", "-1", "--partition", "t:0")],
)
def test_a_reset_that_makes_no_sense_is_a_usage_error(rig, arguments):
    assert run("reset", "--store", rig.directory, *arguments, "--yes")[0] == 2


def test_what_is_not_stored_cannot_be_reset(rig, tmp_path):
    assert run("reset", "--store", rig.directory, "--partition", "t:9", "--yes")[0] == 69
    for command in ("inspect", "export"):
        assert run(command, "--store", tmp_path / "none")[0] == 69


def test_an_older_store_says_what_it_has_and_a_newer_one_that_it_is_newer(rig):
    with sqlite3.connect(file_in(rig.directory)) as db:
        for table in ("events", "silences", "memory"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute("ALTER TABLE outbox DROP COLUMN held")
    code, found = inspect(rig.directory)
    assert [p["next_offset"] for p in found["partitions"]] == [300, 300]
    assert (code, found["events"], found["problems"]) == (0, None, [])
    assert "no such table: events" in found["lacks"]
    assert run("export", "--store", rig.directory)[0] == 0
    with sqlite3.connect(file_in(rig.directory)) as db:
        db.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    assert any("format 2" in problem for problem in inspect(rig.directory)[1]["problems"])
    assert run("reset", "--store", rig.directory, "--yes")[0] == 0


def damage(kind, data):
    if kind == "no database":
        return b"this is not a database, " * 500
    if kind == "empty":
        return b""
    if kind == "truncated":
        return data[: len(data) // 2]
    flipped = bytearray(data)
    step = {"flipped header": 1, "flipped": 97}[kind]
    for place in range(0 if step == 1 else 100, 100 if step == 1 else len(data), step):
        flipped[place] ^= 0xFF
    return bytes(flipped)


@pytest.mark.parametrize("kind", ["no database", "empty", "truncated", "flipped", "flipped header"])
def test_a_damaged_store_says_so_and_can_be_reset_whole(rig, kind):
    path = file_in(rig.directory)
    path.write_bytes(damage(kind, path.read_bytes()))
    code, found = inspect(rig.directory)
    assert (code, bool(found["problems"])) == (1, True)
    code, out, _ = run("export", "--store", rig.directory)
    assert code == 0
    assert any(json.loads(line)["kind"] == "problem" for line in out.splitlines())
    code, _, err = run("reset", "--store", rig.directory, "--partition", "t:0", "--yes")
    assert code == 69, err
    assert run("reset", "--store", rig.directory, "--yes")[0] == 0
    rig.start()
    rig.until_end()
    assert rig.daemon.engine.partitions[tp(0)].rows == 300
    rig.store.close()


def test_a_pane_that_is_damaged_is_named(rig):
    with sqlite3.connect(file_in(rig.directory)) as db:
        db.execute("UPDATE panes SET state = x'00' WHERE partition = 1")
    code, found = inspect(rig.directory)
    assert code == 1
    assert "of t:1: state is not in a format" in found["problems"][0]
