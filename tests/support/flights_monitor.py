"""A monitor of the flights: its configuration, the commands run on it, their lines, and the values to compare with."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tests.support.command_line import answer, succeed
from tests.support.drift_by_hand import CategoryRuler, NumberRuler
from tests.support.flights import BASELINE_END, BASELINE_END_MS, DAY_MS, INTEGERS, NUMBERS, TYPES

NUMERIC = (*NUMBERS, *INTEGERS)
MAX_CATEGORIES = 1000
DETECTORS = ("psi", "js", "hellinger", "tv", "chi2", "ks", "wasserstein", "missing", "invalid")

# Rows taken as independent: what is computed by hand is the definition; test_flights_confidence.py has the estimate.
RHO = 0

CONFIGURATION = f"""\
name: flights
source: {{kind: files, paths: [INPUT], max_poll_records: CHUNK}}
time: {{field: time_hour, unit: iso8601, lateness: 1h}}
window: {{size: 1d}}
segments: SEGMENTS
baseline: {{kind: file, path: BASELINE}}
store: {{path: STORE}}
limits: {{max_categories: {MAX_CATEGORIES}}}
fields: {json.dumps({column: {"type": kind} for column, kind in TYPES.items()})}
drift: {json.dumps([{"kind": kind, "rho": RHO} for kind in DETECTORS])}
"""


@dataclass(frozen=True)
class Lines:
    """The output of a replay, in the order of the file."""

    path: Path

    @cached_property
    def all(self) -> list[dict[str, Any]]:
        """Every line."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The last line."""
        return self.all[-1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the lines of one kind."""
        return [line for line in self.all if line["kind"] == kind]

    @cached_property
    def verdicts(self) -> dict[tuple[int, str, str], dict[str, Any]]:
        """The verdicts on all rows, by day, field and detector."""
        found = [line for line in self.of("verdict") if not line["segment"]]
        return {(line["window_start_ms"], line["field"], line["detector"]): line for line in found}

    @cached_property
    def fields(self) -> dict[tuple[int, str], dict[str, Any]]:
        """The statistics of all rows, by day and field."""
        return {(line["window_start_ms"], line["field"]): line for line in self.of("field") if not line["segment"]}


@dataclass(frozen=True)
class Monitor:
    """A configuration in a directory, with the commands run on it, in processes of their own unless told otherwise."""

    directory: Path
    input: Path
    in_process: bool = False

    def config(self, name: str, *, chunk: int = 50_000, segments: str = "[]", without: str = "") -> Path:
        """Write a configuration that reads so many rows at once; return the file."""
        file = self.directory / f"{name}.yaml"
        text = CONFIGURATION.replace("INPUT", str(self.input)).replace("CHUNK", str(chunk))
        text = text.replace("SEGMENTS", segments).replace("BASELINE", str(self.directory / "baseline"))
        text = text.replace("STORE", str(self.directory / "store"))
        file.write_text("".join(line for line in text.splitlines(keepends=True) if not without or without not in line))
        return file

    def _command(self, *arguments: str | Path) -> str:
        """Run a command; return its stdout."""
        return answer(*arguments) if self.in_process else succeed(*arguments)

    def replay(self, config: Path, name: str, *options: str, of: Path | None = None) -> Lines:
        """Replay a file; return the lines."""
        output = self.directory / f"{name}.jsonl"
        assert self._command("replay", "-c", config, "--input", of or self.input, "--output", output, *options) == ""
        return Lines(output)

    def build(self, of: Path, **settings: Any) -> dict[str, Any]:
        """Build the baseline of the first quarter; return what the command says of it."""
        config = self.config("build", **settings)
        options = ("--from", "2013-01-01", "--to", BASELINE_END, "--output", "json")
        built: dict[str, Any] = json.loads(self._command("baseline", "build", "-c", config, "--input", of, *options))
        assert (built["rejects_by_reason"], built["truncated"]) == ({}, False)
        return built


@dataclass(frozen=True)
class Samples:
    """The usable values of every column, whole and by day, and those of the baseline."""

    columns: dict[str, Any]
    missing: dict[str, Any]
    days: Any

    @classmethod
    def of(cls, table: duckdb.DuckDBPyConnection) -> Samples:
        """Read the table."""
        found = table.sql("FROM flights").fetchnumpy()
        days = np.asarray(found["day_ms"])
        columns = {name: np.ma.getdata(found[name]) for name in TYPES}
        return cls(columns, {name: np.ma.getmaskarray(found[name]) for name in TYPES}, days)

    @cached_property
    def starts(self) -> list[int]:
        """The days, ascending."""
        return [int(day) for day in np.unique(self.days)]

    def day(self, name: str, start: int) -> Any:
        """Return the usable values of one day, those of a category counted."""
        return self._usable(name, slice(*np.searchsorted(self.days, [start, start + DAY_MS])))

    def baseline(self, name: str) -> Any:
        """Return the usable values of the baseline, those of a category counted."""
        return self._usable(name, slice(0, int(np.searchsorted(self.days, BASELINE_END_MS))))

    def usable(self, name: str, start: int, end: int) -> int:
        """Return how many values are usable from one day to another."""
        return int((~self.missing[name][slice(*np.searchsorted(self.days, [start, end]))]).sum())

    def _usable(self, name: str, rows: slice) -> Any:
        values = self.columns[name][rows][~self.missing[name][rows]]
        return values.astype(np.float64) if name in NUMERIC else Counter(values.tolist())


def ruler_of(name: str, samples: Samples) -> Any:
    """Return the ruler that the baseline makes of a column."""
    baseline = samples.baseline(name)
    return NumberRuler(baseline) if name in NUMERIC else CategoryRuler(baseline, MAX_CATEGORIES)
