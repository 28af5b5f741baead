"""A small monitor with half a day of orders in windows of ten minutes, in which nothing changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.command_line import answer

WINDOW_MS = 600_000
FIRST_MS = 1_700_000_400_000
ROWS = 150


def orders(windows: int, seed: int) -> list[dict[str, Any]]:
    """Return so many windows of records, in the order of their times, of two partitions."""
    rng = np.random.default_rng(seed)
    n = windows * ROWS
    amounts = rng.gamma(3.0, 10.0, n)
    countries = np.array(["DE", "FR", "US"])[rng.choice(3, n, p=[0.6, 0.3, 0.1])]
    times = FIRST_MS + np.sort(rng.integers(0, windows * WINDOW_MS, n))
    rows = zip(times.tolist(), amounts.tolist(), countries.tolist(), rng.poisson(3, n).tolist(), strict=True)
    return [
        {"at": at, "order": {"amount": round(amount, 2)}, "country": country, "pieces": pieces, "part": i % 2}
        for i, (at, amount, country, pieces) in enumerate(rows)
    ]


@dataclass(frozen=True)
class Orders:
    """A directory with a baseline, the records to dope, and configurations."""

    directory: Path

    @property
    def input(self) -> Path:
        """The records that are doped."""
        return self.directory / "orders.jsonl"

    def config(self, name: str = "orders", drift: str = "[{kind: psi}, {kind: missing}, {kind: mean_shift}]") -> Path:
        """Write a configuration; return the file."""
        file = self.directory / f"{name}.yaml"
        file.write_text(f"""\
name: {name}
source: {{kind: files, paths: [{self.input}]}}
time: {{field: at, unit: ms, lateness: 1m}}
window: {{size: 10m}}
baseline: {{kind: file, path: {self.directory}/baseline}}
store: {{path: {self.directory}/store}}
fields:
  order.amount: {{type: number}}
  country: {{type: category}}
  pieces: {{type: integer}}
drift: {drift}
checks: [{{kind: volume, name: rows, min_per_window: 75}}]
alerting: {{raise_after: 1}}
""")
        return file


def build_orders(directory: Path, windows: int = 40) -> Orders:
    """Write the records and build the baseline."""
    made = Orders(directory)
    _write(made.input, orders(60, seed=1))
    answer("baseline", "build", "-c", made.config(), "--input", made.input, "--output", "json")
    _write(made.input, orders(windows, seed=2))
    return made


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
