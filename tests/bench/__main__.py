"""The command behind `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import clients, engine, formats
from tests.bench.broker import bench_broker

_PACKAGES = (
    *("duckdb", "pyarrow", "numpy", "orjson", "kafka-python", "confluent-kafka"),
    *("pyruhvro", "fastavro", "ptars", "msgspec"),
)


def main() -> None:
    """Measure, print tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="only what each stage of the engine costs")
    parser.add_argument("--no-kafka", action="store_true", help="leave the real broker out")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    console = Console(width=120)
    machine = {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="driftline-bench-") as name:
        directory = Path(name)
        stages = engine.stages(directory, options.records, options.repetitions)
        console.print(_table("where the engine's CPU time goes", stages))
        if options.profile:
            return
        figures = engine.measure(directory, options.records, options.repetitions)
        console.print(_table(f"{options.records} records, CPU time, one thread", figures))
        cores = engine.two_cores(directory, options.records, options.repetitions)
        console.print(_table("one core and two", cores))
        each = formats.measure(directory, options.records // 4, options.repetitions)
        console.print(_table(f"{options.records // 4} records from bytes to columns, by format", each))
        ends: list[dict[str, Any]] = []
        if not options.no_kafka:
            with bench_broker() as bootstrap:
                ends = clients.measure(directory, bootstrap, options.records)
            console.print(_table("end to end from a real broker, one partition", ends))
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "machine": machine,
                    "stages": stages,
                    "engine": figures,
                    "cores": cores,
                    "formats": each,
                    "clients": ends,
                },
                indent=2,
            )
            + "\n"
        )


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{value:,.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    return table


if __name__ == "__main__":
    main()
