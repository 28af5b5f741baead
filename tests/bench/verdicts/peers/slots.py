"""A peer's side: reads the slots that were handed over, and writes what the peer itself says of each.

Runs in the peer's own environment, so it needs nothing but numpy.
"""

from __future__ import annotations

import csv
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

os.dup2(2, 1)  # what a library prints is no answer


class Slots:
    """Columns of the baseline and of the slots; of categories missing values are empty."""

    def __init__(self):
        """Read the file named first on the command line."""
        with np.load(sys.argv[1]) as file:
            self._arrays = dict(file)
        self.columns = [name[2:] for name in self._arrays if name.startswith("b:")]
        self.of_baseline, self.of_slots = self._arrays["baseline"], self._arrays["slots"]
        self.count = int(self.of_slots[-1]) + 1

    def is_number(self, column):
        """Return whether a column holds numbers."""
        return self._arrays[f"b:{column}"].dtype.kind == "f"

    def baseline(self, column):
        """Return the usable values of the baseline."""
        return self._usable(self._arrays[f"b:{column}"])

    def slot(self, column, number):
        """Return the usable values of a slot."""
        return self._usable(self._arrays[f"s:{column}"][self.of_slots == number])

    def whole(self, column):
        """Return all values of the baseline, and all of the slots."""
        return self._arrays[f"b:{column}"], self._arrays[f"s:{column}"]

    def _usable(self, values):
        return values[np.isfinite(values)] if values.dtype.kind == "f" else values[values != ""]


def write(peer, rows):
    """Write (column, slot, ratio, drift) of every row to the file named second."""
    with Path(sys.argv[2]).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("column", "slot", "ratio", "drift", version(peer)))
        writer.writerows(rows)


def log_ratio(p, alpha):
    """Return ln p over ln alpha: 1 at the threshold, more beyond it."""
    return float(np.log(max(p, 1e-300)) / np.log(alpha))
