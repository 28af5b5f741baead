"""The command behind `make bench`: measures, prints, and merges each section into the one file of results."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Shown

from tests.bench import beside, clients, engine, formats, growth, latency, memory, results
from tests.bench.figures import Section, Table
from tests.bench.sizes import BY_NAME, Sizes
from tests.support.kafka import KafkaUnavailableError

SECTIONS: Mapping[str, Callable[[Path, Sizes], Section]] = {
    "engine": engine.section,
    "formats": formats.section,
    "peers": beside.measure,
    "broker": clients.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "growth": growth.measure,
}
"""In the order in which they are run and shown."""


def main(arguments: list[str] | None = None) -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", default=",".join(SECTIONS), help="of: %(default)s")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick", default="full")
    parser.add_argument("--size", choices=BY_NAME, help="full, quick (the same as --quick), or tiny to see it work")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", default=results.FILE, help="where sections are merged into"
    )
    options = parser.parse_args(arguments)
    names = options.only.split(",")
    for name in names:
        if name not in SECTIONS:
            parser.error(f"no section {name!r}; there are {', '.join(SECTIONS)}")
    console, size = Console(width=140), options.size
    console.print(", ".join(f"{name} {value}" for name, value in results.machine().items()), soft_wrap=True)
    for name in names:
        began, load = time.monotonic(), os.getloadavg()[0]
        try:
            with tempfile.TemporaryDirectory(prefix="driftline-bench-") as directory:
                section = SECTIONS[name](Path(directory), BY_NAME[size])
        except KafkaUnavailableError as error:
            console.print(f"{name} was not measured, and what was stays: {error}")
            continue
        took_s = time.monotonic() - began
        command = f"python -m tests.bench --only {name}" + ("" if size == "full" else f" --{size}")
        results.merge(options.json, name, section, size=size, command=command, took_s=took_s, load=load)
        _print(console, name, section, took_s)


def _print(console: Console, name: str, section: Section, took_s: float) -> None:
    for table in section.tables:
        console.print(_shown(table))
    for bar in section.bars:
        word = "met" if bar.met else "MISSED"
        sign = "at least" if bar.least else "at most"
        console.print(
            f"{word}: {bar.what}: {bar.measured:.3g} {bar.unit}, {sign} {bar.wanted:g} wanted", soft_wrap=True
        )
    for remark in section.remarks:
        console.print(remark, soft_wrap=True)
    console.print(f"{name} took {took_s:.0f} s\n")


def _shown(table: Table) -> Shown:
    shown = Shown(title=f"{table.title} ({table.n})", title_justify="left")
    for column, unit in table.units.items():
        shown.add_column(f"{column}\n{unit}" if unit else column)
    for row in table.rows:
        shown.add_row(*(_cell(row.get(column)) for column in table.units))
    return shown


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and value < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )


if __name__ == "__main__":
    main()
