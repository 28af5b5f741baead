"""Reads the inputs and writes a peer's answers as CSV; runs in the peer's own environment, so it needs nothing."""

from __future__ import annotations

import csv
import json
import sys
from importlib.metadata import version
from pathlib import Path

INFINITIES = (float("inf"), float("-inf"))


def inputs(*, infinities=True):
    """Return the cases that were handed over, by name; without infinities for a peer that stops at them."""
    cases = json.loads(Path(sys.argv[1]).read_text())
    if not infinities:
        for case in cases.values():
            case["own"] = [[None if x in INFINITIES else x for x in side] for side in case["own"]]
    return cases


class Answers:
    """What one peer says; `write` puts it where the command line wants it."""

    def __init__(self, peer):
        self.peer, self.version, self.values, self.cells = peer, version(peer), [], []

    def value(self, name, case, given, statistic, value):
        """Note one number: `given` says on what (own, cells, steps, means)."""
        row = name, case["digests"][given], given, statistic, self.peer, self.version, repr(float(value))
        self.values.append(row)

    def counts(self, name, statistic, baseline, current, edges=None):
        """Note the counts of the peer's own cells; `edges` are their lower ends, where they are intervals."""
        for i, (before, now) in enumerate(zip(baseline, current, strict=True)):
            edge = "" if edges is None else repr(float(edges[i]))
            self.cells.append((name, statistic, edge, whole(before), whole(now)))

    def write(self):
        """Write NAME.csv and NAME_cells.csv into the folder given."""
        folder = Path(sys.argv[2])
        head = "case", "digest", "given", "statistic", "peer", "version", "value"
        _write(folder / f"{self.peer}.csv", head, self.values)
        _write(folder / f"{self.peer}_cells.csv", ("case", "statistic", "edge", "baseline", "current"), self.cells)


def whole(count):
    """Return a count that was a share times a number of rows; raises ValueError where it is no whole number."""
    if abs(count - round(count)) > 1e-6:
        raise ValueError(f"{count} is no count")
    return round(count)


def _write(path, head, rows):
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
