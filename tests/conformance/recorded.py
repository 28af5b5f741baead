"""What the peers answered when they were last run, from the cached CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from monitor.types import FloatArray, IntArray
from tests.conformance.cases import cases
from tests.conformance.inputs import digests

FOLDER = Path(__file__).parents[1] / "data" / "conformance"
PEERS = ("evidently", "nannyml", "alibi-detect", "whylogs")


@dataclass(frozen=True)
class Answers:
    """One peer's numbers by (case, given, statistic), each after its input's digest; its cells by (case, statistic)."""

    peer: str
    version: str
    values: Mapping[tuple[str, str, str], tuple[str, float]]
    cells: Mapping[tuple[str, str], tuple[tuple[str, int, int], ...]]

    def value(self, case: str, given: str, statistic: str) -> float:
        """Return one number; raises LookupError where the peer has not answered, or about another input."""
        found = self.values.get((case, given, statistic))
        if found is None:
            raise LookupError(f"{self.peer} has no {statistic} of {case!r}, {given}; run `make conformance`")
        digest, value = found
        if digest != digests(cases()[case])[given]:
            raise LookupError(f"{self.peer} was asked about another {case!r}, {given}; run `make conformance`")
        return value

    def counts(self, case: str, statistic: str) -> tuple[FloatArray, IntArray, IntArray]:
        """Return lower edges (NaN for categories) and counts of the peer's own cells; raises LookupError."""
        rows = self.cells.get((case, statistic))
        if not rows:
            raise LookupError(f"{self.peer} has no cells for {statistic} of {case!r}; run `make conformance`")
        edges, before, now = zip(*rows, strict=True)
        return np.array([float(e or "nan") for e in edges]), np.array(before, np.int64), np.array(now, np.int64)


@cache
def answers(peer: str) -> Answers:
    """Return a peer's answers; raises LookupError where a file is missing or is not the peer's."""
    values, versions = {}, set()
    for row in _rows(FOLDER / f"{peer}.csv"):
        values[row["case"], row["given"], row["statistic"]] = row["digest"], float(row["value"])
        versions.add((row["peer"], row["version"]))
    [(name, version)] = versions
    if name != peer:
        raise LookupError(f"{peer}.csv holds the answers of {name}; run `make conformance`")
    cells: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    for row in _rows(FOLDER / f"{peer}_cells.csv"):
        cell = row["edge"], int(row["baseline"]), int(row["current"])
        cells.setdefault((row["case"], row["statistic"]), []).append(cell)
    return Answers(peer, version, values, {key: tuple(rows) for key, rows in cells.items()})


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        raise LookupError(f"{path.name} is missing; run `make conformance`")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
