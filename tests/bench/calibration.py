"""The command behind `make calibration`: how often bounds are wrong, over sizes, cells and correlations.

It writes the figures as JSON and CSV where asked, and `docs/explanation/calibration.md` with `--docs`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.support.calibration import ABOUT, AT_LEAST, BASELINE_WINDOWS, Finding, calibrated

ROWS = (100, 300, 1_000, 10_000, 100_000)
CELLS = (5, 10, 25, 50)
RHOS = (0.0, 0.002, 0.01)
DETECTORS = (*ABOUT, *AT_LEAST)
PAGE = Path(__file__).parents[2] / "docs/explanation/calibration.md"
_START = "<!-- figures: written by `make calibration` -->"


def main() -> None:
    """Simulate, print a summary, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.calibration")
    parser.add_argument("--repetitions", type=int, default=2_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    parser.add_argument("--docs", action="store_true", help="write docs/explanation/calibration.md anew")
    options = parser.parse_args()
    began = time.process_time()
    findings = measure(options.repetitions)
    print(summary(findings, options.repetitions))
    print(f"\n{time.process_time() - began:.0f} s of CPU time")
    if options.json:
        options.json.write_text(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    if options.csv:
        with options.csv.open("w", newline="") as out:
            writer = csv.DictWriter(out, list(asdict(findings[0])))
            writer.writeheader()
            writer.writerows(asdict(finding) for finding in findings)
    if options.docs:
        text = PAGE.read_text()
        PAGE.write_text(text[: text.index(_START)] + _START + "\n\n" + figures(findings, options.repetitions))


def measure(repetitions: int) -> list[Finding]:
    """Return the findings of the whole grid."""
    return [
        finding
        for rho in RHOS
        for cells in CELLS
        for rows in ROWS
        for finding in calibrated(rows, cells, rho, repetitions)
    ]


def figures(findings: Sequence[Finding], repetitions: int) -> str:
    """Return the page's part that is made of figures, in Markdown."""
    return "\n".join(
        (
            "## In short",
            "",
            summary(findings, repetitions),
            "",
            "## Without drift: windows with a bound above zero",
            "",
            f"Percent of {repetitions:,} windows; 5 is promised at most. `raw` is the share with a raw PSI above 0.1.",
            "",
            _table(findings, "fired_percent", raw=True),
            "",
            "## With drift: windows whose bound is at most the true effect",
            "",
            "Percent of the same number of windows. 95 is aimed at; more is conservative.",
            "",
            _table(findings, "covered_percent", raw=False),
            "",
        )
    )


def summary(findings: Sequence[Finding], repetitions: int) -> str:
    """Return for each detector the range over the grid and the mean, in Markdown."""
    error = 100 * math.sqrt(0.05 * 0.95 / repetitions)
    lines = [
        f"{repetitions:,} windows at each point of the grid, each with its own {BASELINE_WINDOWS} windows of baseline;",
        f"the standard error of a figure of 5 or 95 is {error:.1f}.",
        "",
        "| detector | above 0 without drift, % (mean, least … most) | true with drift, % (the same) | claim |",
        "|---|---|---|---|",
    ]
    for kind in DETECTORS:
        fired, covered = (
            [getattr(finding, name) for finding in findings if finding.detector == kind]
            for name in ("fired_percent", "covered_percent")
        )
        claim = "about 95" if kind in ABOUT else "at least 95"
        lines.append(f"| {kind} | {_range(fired)} | {_range(covered)} | {claim} |")
    raw = [finding.raw_psi_percent for finding in findings if finding.raw_psi_percent is not None]
    lines.append(f"| raw PSI > 0.1 | {_range(raw)} | | none |")
    return "\n".join(lines)


def _range(numbers: Sequence[float]) -> str:
    return f"{sum(numbers) / len(numbers):.1f}, {min(numbers):.1f} … {max(numbers):.1f}"


def _table(findings: Sequence[Finding], number: str, *, raw: bool) -> str:
    """Return one row a point of the grid, one column a detector."""
    by_place = {(finding.rho, finding.cells, finding.rows, finding.detector): finding for finding in findings}
    names = (*(("raw",) if raw else ()), *DETECTORS)
    lines = ["| ρ | cells | rows | " + " | ".join(names) + " |", "|---" * (3 + len(names)) + "|"]
    for rho, cells, rows in sorted({place[:3] for place in by_place}):
        found = [getattr(by_place[rho, cells, rows, kind], number) for kind in DETECTORS]
        numbers = [by_place[rho, cells, rows, "psi"].raw_psi_percent or 0.0, *found] if raw else found
        lines.append(f"| {rho:g} | {cells} | {rows:,} | " + " | ".join(f"{value:.1f}" for value in numbers) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
