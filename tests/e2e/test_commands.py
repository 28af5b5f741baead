"""The commands from outside: processes, exit codes, and what they leave on stdout and stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.sampling import sampled
from monitor.config.loader import load
from monitor.types import Presence
from tests.support.command_line import answer, invoke, run, succeed
from tests.support.poison import FAILURES, REJECTS, STRANGE, TIME_MS
from tests.support.ports import free_port

pytestmark = [pytest.mark.xdist_group("commands"), pytest.mark.slow]

GOOD = 2000
MINUTE_MS = 60_000

CONFIGURATION = """\
name: payments
source: {kind: files, paths: [RECORDS]}
time: {field: event_time, unit: ms, lateness: 0s}
window: {size: 1m}
baseline: {kind: file, path: DIRECTORY/baseline}
fields: {amount: {type: number}, country: {type: category}}
drift: [{kind: psi}, {kind: missing}, {kind: invalid}]
store: {path: DIRECTORY/store}
http: {listen: "127.0.0.1:PORT"}
"""


def records(first: int, last: int) -> Iterator[bytes]:
    """Yield the good payments with these numbers, ten a second, on two shards in turn."""
    for i in range(first, last):
        payment = {
            "event_time": TIME_MS + 100 * i,
            "received_at": TIME_MS + 100 * i + 5,
            "shard": "ab"[i % 2],
            "amount": float(i % 97),
            "country": ("DE", "FR", "US")[i % 3],
        }
        yield json.dumps(payment).encode()


@dataclass(frozen=True)
class Place:
    """A directory with a configuration, good records, and a baseline of them."""

    directory: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.directory / "payments.yaml"

    @property
    def good(self) -> Path:
        """The good records."""
        return self.directory / "good.jsonl"

    def write(self, name: str, lines: list[bytes]) -> Path:
        """Write records to a file; return it."""
        path = self.directory / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def configure(self, name: str, **changes: str) -> Path:
        """Write a configuration in which texts are replaced; return the file."""
        text = CONFIGURATION.replace("RECORDS", changes.pop("records", str(self.good)))
        text = text.replace("DIRECTORY", str(self.directory)).replace("PORT", str(free_port()))
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = self.directory / name
        path.write_text(text)
        return path


def replay(config: Path, *inputs: Path, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Replay files; return the lines."""
    names = [word for path in inputs for word in ("--input", str(path))]
    return [json.loads(line) for line in answer("replay", "-c", config, *names, *options).splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The directory, with the baseline built."""
    place = Place(tmp_path_factory.mktemp("commands"))
    place.write("good.jsonl", list(records(0, GOOD)))
    place.configure("payments.yaml")
    said = succeed("baseline", "build", "-c", place.config, "--input", place.good)
    assert f"of {GOOD} rows from {place.good} is now the current one" in said
    return place


@pytest.fixture(scope="module")
def quiet(place: Place) -> list[dict[str, Any]]:
    """The replay of the good records."""
    return [json.loads(line) for line in succeed("replay", "-c", place.config, "--input", place.good).splitlines()]


def test_good_records_are_all_rows(quiet):
    summary = quiet[-1]
    assert summary == {
        "kind": "summary",
        "records": GOOD,
        "rows": GOOD,
        "rejects": 0,
        "filtered": 0,
        "late_rows": 0,
        "windows": 4,
        "alerts": 0,
    }
    assert [line["kind"] for line in quiet].count("verdict") == 4 * 6


def test_poison_is_counted_and_changes_nothing_else(place, quiet):
    poison = [*REJECTS.values(), *FAILURES.values(), *STRANGE.values()]
    mixed = place.write("mixed.jsonl", [*records(0, 100), *poison, b"", *records(100, GOOD)])
    lines = replay(place.config, mixed)
    summary, rows = lines[-1], GOOD + len(FAILURES) + len(STRANGE)
    assert (summary["rows"], summary["rejects"], summary["filtered"]) == (rows, len(REJECTS), 0)
    assert summary["records"] == rows + len(REJECTS)
    assert summary["late_rows"] == 0
    first, others = TIME_MS // MINUTE_MS * MINUTE_MS, []
    for line in lines:
        if line.get("window_start_ms") == first and line.get("check") == "amount.type":
            assert line["failures"] == len(FAILURES)
        if line.get("window_start_ms", first) != first:
            others.append(line)
    assert others == [line for line in quiet if line.get("window_start_ms", first) != first]


@pytest.mark.parametrize("kinds", [REJECTS, FAILURES, STRANGE], ids=["rejects", "failures", "strange"])
def test_each_kind_of_poison_alone_is_what_is_written_beside_it(place, kinds):
    config = load(place.config)
    for name, line in kinds.items():
        sample = sampled(config, place.write("alone.jsonl", [line]))
        assert (sample.records, sample.rows) == (1, int(kinds is not REJECTS)), name
        assert sum(sample.rejects.values()) == int(kinds is REJECTS), name
        assert sample.presence["amount"][Presence.OK] == int(kinds is STRANGE), name


def test_a_baseline_leaves_rejects_out_and_says_so(place):
    file = place.write("poisoned.jsonl", [*records(0, 100), *REJECTS.values()])
    config = place.configure("other.yaml", **{"/baseline": "/other-baseline"})
    done = invoke("baseline", "build", "-c", config, "--input", file)
    assert done.exit_code == 0
    assert "of 100 rows" in done.stdout
    assert f"left out {len(REJECTS)} rejects" in done.stderr
    shown = json.loads(answer("baseline", "show", "-c", config, "-o", "json"))
    assert (shown["rows"], shown["rejects"]) == (100, len(REJECTS))
    assert shown["fields"]["amount"]["mean"] == pytest.approx(sum(i % 97 for i in range(100)) / 100)


def test_baselines_are_listed_and_an_equal_one_is_the_same_version(place):
    before = json.loads(answer("baseline", "list", "-c", place.config, "-o", "json"))
    built = json.loads(answer("baseline", "build", "-c", place.config, "--input", place.good, "-o", "json"))
    assert built["version"] == before[0]["version"]
    stretch = ("--from", "2025-10-09T08:54:20", "--to", "2025-10-09T08:55:20Z")
    other = json.loads(answer("baseline", "build", "-c", place.config, "--input", place.good, *stretch, "-o", "json"))
    assert (other["rows"], other["first_ms"] % MINUTE_MS, other["last_ms"] % MINUTE_MS) == (600, 20_000, 19_900)
    listed = json.loads(answer("baseline", "list", "-c", place.config, "-o", "json"))
    assert {item["version"]: item["current"] for item in listed} == {built["version"]: False, other["version"]: True}
    assert f"* {other['version'][:12]}" in answer("baseline", "list", "-c", place.config)
    assert "rows        600 (0 rejects left out)" in answer("baseline", "show", "-c", place.config)
    assert built["version"] in answer("baseline", "show", "-c", place.config, built["version"][:8])
    answer("baseline", "build", "-c", place.config, "--input", place.good)


def test_a_missing_stretch_is_one_gap(place, quiet):
    hole = place.write("hole.jsonl", [*records(0, 100), *records(GOOD * 10, GOOD * 10 + 100)])
    lines = replay(place.config, hole)
    [gap] = [line for line in lines if line["kind"] == "gap"]
    windows = {line["window_start_ms"] for line in lines if line["kind"] == "verdict"}
    assert (gap["window_end_ms"] - gap["window_start_ms"]) == gap["windows"] * MINUTE_MS
    assert lines[-1]["windows"] == gap["windows"] + len(windows) == 34
    assert (gap["rows"], gap["level"]) == (0, "unknown")


def test_partitions_of_a_column_have_watermarks_of_their_own(place, quiet):
    ahead = [line for i, line in enumerate(records(0, GOOD)) if i % 2 == 0]
    behind = [line for i, line in enumerate(records(0, GOOD)) if i % 2]
    disordered = place.write("shards.jsonl", [*ahead, *behind])
    late = replay(place.config, disordered)[-1]["late_rows"]
    assert late > 0
    options = ("--partition-column", "shard", "--timestamp-column", "received_at")
    assert replay(place.config, disordered, options=options) == quiet


def test_a_run_over_files_ends_by_itself_and_never_counts_twice(place):
    config = place.configure("run.yaml", **{"/store": "/run-store"})
    for _ in range(2):
        done = run("run", "-c", config)
        assert done.returncode == 0, done.stderr[-3000:]
        summary = json.loads(done.stdout)
        assert (summary["records"], summary["rows"], summary["rejects"]) == (GOOD, GOOD, 0)
        assert [json.loads(line)["event"] for line in done.stderr.splitlines()][-1] == "monitor_stopped"


def test_the_output_file_holds_what_stdout_would(place, quiet):
    output = place.directory / "verdicts.jsonl"
    assert answer("replay", "-c", place.config, "--input", place.good, "--output", output) == ""
    assert [json.loads(line) for line in output.read_text().splitlines()] == quiet


def exit_cases(place: Place) -> dict[str, tuple[int, str, tuple[str | Path, ...]]]:
    """Return command lines that fail, with their exit code and a piece of what they say."""
    files = {name: place.directory / name for name in ("broken.parquet", "notes.txt", "none.jsonl")}
    files["broken.parquet"].write_text("PAR1 but not really")
    files["notes.txt"].write_text("{}")
    bad = place.configure("bad.yaml", psi="psy", **{"type: number": "type: numbr"})
    without = place.configure("without.yaml", **{"/baseline": "/never-built"})
    of_nothing = place.configure("nothing.yaml", records=str(files["none.jsonl"]))
    rejects = place.write("rejects.jsonl", list(REJECTS.values()))
    base = ("replay", "-c", place.config, "--input")
    return {
        "a wrong configuration": (78, "did you mean psi?", ("check", "-c", bad)),
        "a wrong configuration to replay": (78, "did you mean number?", ("replay", "-c", bad, "--input", place.good)),
        "no configuration": (78, "cannot be read", ("run", "-c", place.directory / "none.yaml")),
        "no baseline": (78, "baseline build", ("replay", "-c", without, "--input", place.good)),
        "no such file": (69, "none.jsonl", (*base, files["none.jsonl"])),
        "no such file to run": (69, "none.jsonl", ("run", "-c", of_nothing)),
        "not a kind of file": (69, "notes.txt", (*base, files["notes.txt"])),
        "a broken file": (69, "broken.parquet", (*base, files["broken.parquet"])),
        "no rows": (69, "no rows for the baseline", ("baseline", "build", "-c", place.config, "--input", rejects)),
        "no such version": (69, "0 baselines", ("baseline", "show", "-c", place.config, "zzz")),
        "nowhere to write": (2, "cannot be written", (*base, place.good, "--output", place.directory / "no" / "out")),
        "no input": (2, "--input", ("replay", "-c", place.config)),
        "too short a demo": (2, "30", ("demo", "--duration", "29")),
        "no such command": (2, "bcktest", ("bcktest",)),
    }


def test_what_fails_says_why_and_exits_with_its_code(place):
    for name, (code, said, arguments) in exit_cases(place).items():
        done = invoke(*arguments)
        assert done.exit_code == code, (name, done.stderr[-2000:])
        assert said in done.stderr, (name, done.stderr[-2000:])
        assert done.stdout == "", name


def test_a_process_ends_with_these_codes(place):
    cases = exit_cases(place)
    for name in ("a wrong configuration to replay", "a broken file", "no input"):
        code, said, arguments = cases[name]
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), name
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_what_succeeds_exits_with_0(place):
    assert answer("check", "-c", place.config).startswith("OK payments: 2 fields")
    assert json.loads(answer("schema"))["title"]
