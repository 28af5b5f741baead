"""Joint changes through the whole engine: what no field shows alone is found in the group, and rest is quiet."""

# ruff: noqa: S608 - the columns in these queries are constants

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.command_line import answer
from tests.support.flights import Flights

pytestmark = [pytest.mark.xdist_group("groups"), pytest.mark.timeout(300)]

MINUTE_MS = 60_000
ROWS = 600
START_MS = 1_699_920_000_000
UNIVARIATE = ("psi", "ks", "wasserstein", "js")
JOINT = ("hotelling", "spe", "correlation", "mmd", "domain_classifier")
CONFIG = """\
name: joint
source: {{kind: files, paths: [x.jsonl]}}
time: {{field: at, unit: ms, lateness: 0s}}
window: {{size: {window}}}
baseline: {{kind: file, path: {directory}/baseline}}
store: {{path: {directory}/store}}
segments: {segments}
fields: {fields}
drift: {drift}
groups:
  - {{name: joint, fields: [{group}], drift: {joint}}}
"""


def replayed(directory: Path, baseline: Path, current: Path, **parts: Any) -> list[dict[str, Any]]:
    """Build a baseline of one file, replay another, and return the lines."""
    config = directory / "joint.yaml"
    defaults = {
        "segments": "[]",
        "drift": json.dumps([{"kind": kind} for kind in UNIVARIATE]),
        "joint": json.dumps([{"kind": kind} for kind in JOINT]),
    }
    config.write_text(CONFIG.format(directory=directory, **{**defaults, **parts}))
    answer("baseline", "build", "-c", config, "--input", baseline)
    output = directory / "lines.jsonl"
    answer("replay", "-c", config, "--input", current, "--output", output, "--fields")
    return [json.loads(line) for line in output.read_text().splitlines()]


def written(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """Write rows as JSON lines."""
    names = list(columns)
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in values))
    return path


def stream(seed: int, windows: int, gained: range, lost: range) -> dict[str, np.ndarray]:
    """Return three normal fields whose marginals never change.

    a and c are correlated by 0.8, but not in the windows `lost`; a and b are not, but by 0.6 in the windows `gained`.
    """
    rng = np.random.default_rng(seed)
    a, b, c, other = rng.standard_normal((4, windows * ROWS))
    window = np.arange(windows * ROWS) // ROWS
    b = np.where(np.isin(window, np.array(gained, np.int64)), 0.6 * a + 0.8 * b, b)
    c = 0.8 * np.where(np.isin(window, np.array(lost, np.int64)), other, a) + 0.6 * c
    at = START_MS + np.arange(windows * ROWS) * MINUTE_MS // ROWS
    return {"at": at, "a": a, "b": b, "c": c, "kind": np.where(rng.random(windows * ROWS) < 0.5, "one", "two")}


GAINED, LOST = range(20, 35), range(45, 60)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A stream of 70 windows in two segments, whose joint distribution changes twice."""
    directory = tmp_path_factory.mktemp("joint")
    baseline = written(directory / "baseline.jsonl", stream(1, 30, range(0), range(0)))
    current = written(directory / "current.jsonl", stream(2, 70, GAINED, LOST))
    fields = {name: {"type": "number"} for name in "abc"} | {"kind": {"type": "category"}}
    return replayed(
        directory,
        baseline,
        current,
        window="1m",
        fields=json.dumps(fields),
        group="a, b, c",
        segments="[{field: kind, values: [one, two]}]",
    )


def raised(lines: list[dict[str, Any]], detectors: tuple[str, ...], segment: dict[str, str] | None = None) -> set[int]:
    """Return the windows, counted from the start, in which one of the detectors is at warning or above."""
    return {
        (line["window_start_ms"] - START_MS) // MINUTE_MS
        for line in lines
        if line["kind"] == "verdict"
        and line["detector"] in detectors
        and line["level"] in ("warning", "critical")
        and line["segment"] == (segment or {})
    }


def test_a_joint_change_with_equal_marginals_is_found_by_the_group_and_by_no_field(lines):
    assert {line["field"] for line in lines if line["kind"] == "verdict" and line["detector"] in JOINT} == {"joint"}
    assert raised(lines, UNIVARIATE) == set()
    assert raised(lines, ("hotelling",)) == set()
    assert raised(lines, ("spe",)) == set(LOST)
    assert raised(lines, ("correlation",)) == {*GAINED, *LOST}
    by_mmd = raised(lines, ("mmd",))
    assert by_mmd <= {*GAINED, *LOST}
    assert len(by_mmd) >= 25
    by_classifier = raised(lines, ("domain_classifier",))
    assert by_classifier <= {*GAINED, *LOST}
    assert len(by_classifier) >= 25


def test_it_is_found_in_each_segment(lines):
    for value in ("one", "two"):
        assert raised(lines, ("correlation",), {"kind": value}) == {*GAINED, *LOST}
        assert raised(lines, ("spe",), {"kind": value}) == set(LOST)
        assert raised(lines, (*UNIVARIATE, "hotelling"), {"kind": value}) == set()


def test_alerts_name_the_group_and_the_pair(lines):
    alerts = [line for line in lines if line["kind"] == "alert" and line["status"] == "firing"]
    assert alerts
    assert {line["labels"]["field"] for line in alerts} == {"joint"}
    pairs = [line for line in alerts if line["labels"]["rule"] == "correlation"]
    assert {line["annotations"]["evidence"].split(": ")[1] for line in pairs} == {"a ~ b", "a ~ c"}
    shares = [line for line in alerts if line["labels"]["rule"] == "spe"]
    assert all("+" in line["annotations"]["evidence"] for line in shares)
    told = [line for line in alerts if line["labels"]["rule"] == "domain_classifier"]
    assert [line["labels"].get("segment", "") for line in told] == [""] * len(told)
    assert told


def test_a_group_has_a_line_of_its_rows(lines):
    found = [line for line in lines if line["kind"] == "field" and line["field"] == "joint" and not line["segment"]]
    assert [line["rows"] for line in found] == [ROWS] * 70
    assert {line["missing_ratio"] for line in found} == {0}


def test_air_times_exchanged_between_flights_are_found_by_spe(flights: Flights, tmp_path: Path):
    """The real flights of 2013 in a random order, an hour for about 900; in hours 10 to 14 air times are permuted."""
    fields = ("distance", "air_time", "dep_delay", "arr_delay")
    with flights.connect() as connection:
        found = connection.sql(f"SELECT {', '.join(fields)} FROM flights").fetchnumpy()
    order = np.random.default_rng(4).permutation(len(found["distance"]))[:118_000]
    data = {name: np.ma.filled(found[name].astype(float), np.nan)[order] for name in fields}
    at = START_MS + np.arange(order.size) * 4 * 1_000
    now = {name: column[100_000:].copy() for name, column in data.items()}
    hours = (at[100_000:] - START_MS) // (60 * MINUTE_MS)
    first = int(hours[0]) + 1
    rng = np.random.default_rng(5)
    for hour in range(first + 9, first + 14):
        rows = np.flatnonzero(hours == hour)
        now["air_time"][rows] = now["air_time"][rng.permutation(rows)]
    shown = {name: np.where(np.isnan(column), None, column) for name, column in {**data}.items()}
    base = written(tmp_path / "base.jsonl", {"at": at[:100_000], **{n: c[:100_000] for n, c in shown.items()}})
    current = {name: np.where(np.isnan(column), None, column) for name, column in now.items()}
    stream = written(tmp_path / "current.jsonl", {"at": at[100_000:], **current})
    kinds = {name: {"type": "number"} for name in fields} | {"at": {"type": "integer", "drift": []}}
    lines = replayed(
        tmp_path,
        base,
        stream,
        window="1h",
        fields=json.dumps(kinds),
        group=", ".join(fields),
        joint="[{kind: hotelling}, {kind: spe}]",
    )

    def when(detectors: tuple[str, ...]) -> set[int]:
        return {
            (line["window_start_ms"] - START_MS) // (60 * MINUTE_MS) - first
            for line in lines
            if line["kind"] == "verdict" and line["detector"] in detectors and line["level"] in ("warning", "critical")
        }

    assert when(("spe",)) == set(range(9, 14))
    assert when((*UNIVARIATE, "hotelling")) == set()
    complete = [line for line in lines if line["kind"] == "field" and line["field"] == "joint"]
    assert all(0.01 < line["missing_ratio"] < 0.09 for line in complete if line["rows"] > 500)
