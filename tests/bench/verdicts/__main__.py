"""`python -m tests.bench.verdicts [--quick] [--only flights-day,bike]`: measure, and write the CSV files."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from monitor.doping import FAULTS, SEVERITIES
from tests.bench.verdicts import results
from tests.bench.verdicts.bench import SEEDS, Bench
from tests.bench.verdicts.cost import cost
from tests.bench.verdicts.data import LOADERS, UNFAULTED
from tests.bench.verdicts.false_pages import measured
from tests.bench.verdicts.faults import FaultBench, cases
from tests.bench.verdicts.nulls import kinds
from tests.bench.verdicts.summary import Gathered

QUICK = ("flights-day", "bike", "independent")


def main() -> None:
    """Measure what was asked for, one stream after the other; each is written when it is done."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verdicts")
    parser.add_argument("--quick", action="store_true", help="three streams, few runs, medium faults only")
    parser.add_argument("--only", default="", metavar="A,B", help=f"some of: {', '.join(LOADERS)}")
    parser.add_argument("--runs", type=int, default=22, help="runs of 1,008 slots without a fault")
    parser.add_argument("--fault-runs", type=int, default=10)
    parser.add_argument("--fields", type=int, default=1, help="fields of a stream that each kind of fault is put in")
    parser.add_argument("--severities", default="", metavar="A,B", help=f"some of: {', '.join(SEVERITIES)}")
    parser.add_argument("--skip-faults", action="store_true")
    parser.add_argument("--skip-calm", action="store_true")
    parser.add_argument("--to", type=Path, default=results.DIRECTORY, metavar="DIRECTORY")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(QUICK if options.quick else LOADERS)
    runs, fault_runs = (4, 4) if options.quick else (options.runs, options.fault_runs)
    severities = (
        ("medium",) if options.quick else tuple(options.severities.split(",") if options.severities else SEVERITIES)
    )
    for name in names:
        began = time.process_time()
        bench = Bench(LOADERS[name]())
        if not options.skip_calm:
            rows = [row for null in kinds(bench.data) for row in measured(bench, null, runs)]
            results.replace(results.FALSE_PAGES, "stream", [name], rows, options.to)
        if not options.skip_faults and name not in UNFAULTED:
            _write_faults(bench, fault_runs, options.fields, severities, runs, options.to)
        _write_about(bench, time.process_time() - began, options.to)
        print(f"{name}: {time.process_time() - began:.0f} s CPU", flush=True)
    if options.skip_calm or options.skip_faults:
        return
    found = list(cost())
    results.replace(results.COST, "what", [str(row["what"]) for row in found], found, options.to)


def _write_faults(
    bench: Bench, runs: int, fields: int, severities: Sequence[str], tuning_runs: int, directory: Path
) -> None:
    faulty, gathered = FaultBench(bench, runs, tuning_runs), Gathered(bench.data.name)
    for case in cases(bench, tuple(FAULTS), tuple(severities), fields):
        gathered.add(case, faulty.outcomes(case))
    results.replace(results.DELAYS, "stream", [bench.data.name], list(gathered.delays()), directory)
    results.replace(results.KINDS, "stream", [bench.data.name], list(gathered.kinds()), directory)


def _write_about(bench: Bench, cpu_s: float, directory: Path) -> None:
    data = bench.data
    row = {
        "stream": data.name,
        "what": data.what,
        "slots": data.n,
        "rows_per_slot": round(data.table.num_rows / data.n),
        "fields": len(data.table.column_names),
        "streams": len(bench.streams.names),
        "seeds": " ".join(f"{what}={seed}" for what, seed in SEEDS.items()),
        "command": f"python -m tests.bench.verdicts --only {data.name}",
        "measured": datetime.now(UTC).date().isoformat(),
        "cpu_s": round(cpu_s),
    }
    results.replace(results.ABOUT, "stream", [data.name], [row], directory)


if __name__ == "__main__":
    main()
