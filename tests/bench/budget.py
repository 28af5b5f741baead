"""A study of the policy `budget`: false pages where nothing changes, and delays of faults, with every loss shown.

`python -m tests.bench.budget --csv FILE` takes some minutes; the tables stand in docs/explanation/budget.md.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.budget_streams import false_pages, faults

NULLS = (
    "independent",
    "cross-correlated",
    "strange slots",
    "heavy tails",
    "chi²",
    "mostly zero",
    "independent ar 0.6",
    "independent ar 0.9",
    "daily",
    "daily ar 0.6",
    "volatility",
    "bursts of 10 slots",
)
SWITCHES: dict[str, dict[str, Any]] = {
    "as configured": {},
    "not tempered": {"tempered": False},
    "not left out": {"left_out": False},
    "not quarantined": {"quarantined": False},
    "audited": {"audit_every": 250},
}
ABLATED = {
    "not tempered": ("independent ar 0.6", "independent ar 0.9", "daily ar 0.6"),
    "not left out": ("daily", "daily ar 0.6"),
    "audited": ("independent", "volatility", "bursts of 10 slots"),
}
RUN_SLOTS = 1000
NONCENTRALITIES = (3.0, 6.0, 10.0, 25.0, 100.0)


def main() -> None:
    """Simulate, print and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.budget")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--slots", type=int, default=3000, help="slots of each monitor")
    parser.add_argument("--monitors", type=int, default=10)
    parser.add_argument("--streams", type=int, default=20)
    options = parser.parse_args()
    rows = []
    for row in measured(options.slots, options.monitors, options.streams):
        print("  ".join(str(value) for value in row.values()), flush=True)
        rows.append(row)
    if options.csv:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def measured(slots: int, monitors: int, streams: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each null and switch, then one for each fault."""
    for name, switches in SWITCHES.items():
        for kind in ABLATED.get(name, NULLS if not switches else ()):
            yield _false_pages(name, kind, slots, monitors, streams, **switches)
    for noncentrality in NONCENTRALITIES:
        for before in (100, 1000):
            for name in ("as configured", "not quarantined"):
                yield _delays(name, noncentrality, before, streams, **SWITCHES[name])


def _false_pages(name: str, kind: str, slots: int, monitors: int, streams: int, **rules: Any) -> dict[str, Any]:
    found = false_pages(kind, run_slots=RUN_SLOTS, slots=slots, monitors=monitors, streams=streams, **rules)
    return {
        "measured": "false pages",
        "detector": name,
        "stream": kind,
        "slots": round(found.slots),
        "pages": found.alarms,
        "ratio": round(found.ratio, 2),
        "low": round(found.low, 2),
        "high": round(found.high, 2),
    }


def _delays(name: str, noncentrality: float, before: int, streams: int, **rules: Any) -> dict[str, Any]:
    found = faults(noncentrality, run_slots=RUN_SLOTS, before=before, after=200, monitors=100, streams=streams, **rules)
    return {
        "measured": "delay",
        "detector": name,
        "stream": f"noncentrality {noncentrality:g} after {before} slots",
        "within_50": round(float(np.mean(found.delays <= 50)), 3),
        "median": float(np.median(found.delays)),
        "p90": float(np.quantile(found.delays, 0.9, method="nearest")),
        "held": round(float(found.held.mean()), 3),
    }


if __name__ == "__main__":
    main()
