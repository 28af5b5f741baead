"""Writes the table of `docs/hostile-input.md` from the results of a run: `python -m tests.fuzz.page [RESULTS]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fuzz.target import crashers

PAGE = Path(__file__).parents[2] / "docs" / "hostile-input.md"
RESULTS = Path(__file__).parent / "results.json"
_BEGIN, _END = "<!-- results: begin -->\n", "<!-- results: end -->\n"


def table(document: Mapping[str, Any]) -> str:
    """Return the results as a table and the sentence above it."""
    targets = sorted(document["targets"], key=lambda target: target["target"])
    inputs, cpu_s = (sum(target[name] for target in targets) for name in ("inputs", "cpu_s"))
    lines = [
        (
            f"Run on {document['day']} for {document['minutes']:g} minutes by the clock, seed {document['seed']}: "
            f"{inputs:,} inputs in {cpu_s:,.0f} s of CPU."
        ),
        "",
        (
            "| entry | inputs | CPU s | edges: seeds → end | slowest input, CPU ms | memory grew by, MiB "
            "| findings in this run | kept from before |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for target in targets:
        edges = f"{target['seeds_covered']:,} → {target['covered']:,}" if target["covered"] else "not by coverage"
        lines.append(
            f"| `{target['target']}` | {target['inputs']:,} | {target['cpu_s']:,.0f} | {edges} "
            f"| {target['slowest_s'] * 1000:,.0f} | {target['rss_growth_bytes'] / 2**20:,.0f} "
            f"| {len(target['findings'])} | {len(crashers(target['target']))} |"
        )
    return "\n".join(lines) + "\n"


def written(page: str, document: Mapping[str, Any]) -> str:
    """Return the page with the results in place of those that it had."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + _BEGIN + "\n" + table(document) + "\n" + _END + after


def main() -> None:
    """Write the page; results that are given become those that are kept."""
    if len(sys.argv) > 1:
        RESULTS.write_text(Path(sys.argv[1]).read_text())
    PAGE.write_text(written(PAGE.read_text(), json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
