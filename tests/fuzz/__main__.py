"""The command `python -m tests.fuzz --minutes 60`: all entries of foreign bytes in turn, for so long."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.target import NAMES
from tests.fuzz.turns import NATIVE, Result, as_document, run

_HERE = Path(__file__).parent


def main() -> int:
    """Run until the time is up and write down what came of it; return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", default="", help="targets, with commas between them")
    parser.add_argument("--turn", type=int, default=15, help="seconds of CPU for a target before the next one's turn")
    parser.add_argument("--seed", type=int, default=None, help="one that was printed")
    parser.add_argument("--output", type=Path, default=Path(".cache/fuzz/results.json"))
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [*NAMES, NATIVE]
    strange = {*names} - {*NAMES, NATIVE}
    if strange:
        parser.error(f"no target {', '.join(sorted(strange))}; there are {', '.join([*NAMES, NATIVE])}")
    seed = secrets.randbits(31) if options.seed is None else options.seed
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"seed {seed}\n")
    found = options.output.parent / "found"
    seen: dict[str, Result] = {}

    def tell(result: Result) -> None:
        seen[result.target] = result
        document = as_document([*seen.values()], day=str(datetime.now(UTC).date()), minutes=options.minutes, seed=seed)
        options.output.write_text(json.dumps(document, indent=1) + "\n")
        sys.stdout.write(
            f"{result.target}: {result.inputs} inputs, {result.covered} edges, slowest {result.slowest_s} s, "
            f"memory +{result.rss_growth_bytes >> 20} MiB, {len(result.findings)} findings\n"
        )
        sys.stdout.flush()

    results = run(names, options.minutes, options.turn, seed, found, tell)
    return 1 if any(result.findings for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
