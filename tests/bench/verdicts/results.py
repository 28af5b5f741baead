"""The stored results: small CSV files, a row for each figure, of which a run replaces those of its own streams."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[1] / "results" / "verdicts"
FALSE_PAGES, DELAYS, KINDS, COST, PEERS, ABOUT = (
    "false_pages",
    "delays",
    "kinds",
    "cost",
    "peers",
    "about",
)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    FALSE_PAGES: (
        *("stream", "null", "contender", "league", "slots", "pages", "per_1000", "low", "high"),
        *("setting", "firing", "audit"),
    ),
    DELAYS: (
        *("stream", "severity", "contender", "league", "runs", "within_50", "median", "p90"),
        *("first", "among_three", "onset_error"),
    ),
    KINDS: (
        *("kind", "stream", "severity", "field", "amount", "contender", "league", "runs", "caught", "median", "first"),
    ),
    COST: ("what", "value", "unit"),
    PEERS: ("peer", "version", "stream", "column", "slots", "same", "difference"),
    ABOUT: ("stream", "what", "slots", "rows_per_slot", "fields", "streams", "seeds", "command", "measured", "cpu_s"),
}
"""The columns of each file; a stored row has them all, empty where they do not apply."""


def read(name: str, directory: Path = DIRECTORY) -> list[dict[str, str]]:
    """Return the rows of a file, none where it is not there."""
    file = directory / f"{name}.csv"
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def replace(
    name: str, key: str, of: Iterable[str], rows: Sequence[Mapping[str, Any]], directory: Path = DIRECTORY
) -> None:
    """Write the file with new rows in place of those whose `key` is one of `of`; the others stay."""
    gone = set(of)
    kept = [row for row in read(name, directory) if row[key] not in gone]
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS[name], lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])
