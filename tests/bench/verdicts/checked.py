"""`python -m tests.bench.verdicts.checked`: the peers themselves on a sample of slots, beside our formulas for them."""

from __future__ import annotations

import csv
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench.verdicts import results
from tests.bench.verdicts.bench import Bench, Part
from tests.bench.verdicts.data import LOADERS
from tests.support.peers import environment, surroundings

STREAMS = ("bike", "car-loan")
SLOTS = 15
RULE_OF = {"evidently": "evidently", "nannyml": "nannyml", "whylogs": "whylogs", "alibi-detect": "alibi"}
"""By peer, the rule of ours that stands for it."""
_HERE = Path(__file__).parent / "peers"
_PINS = Path(__file__).parents[2] / "conformance" / "peers"


def main() -> None:
    """Ask every peer about every stream, and store how often it and the formula decide alike."""
    rows = [row for name in STREAMS for row in checked(Bench(LOADERS[name]()))]
    results.replace(results.PEERS, "peer", RULE_OF, rows)
    for row in rows:
        print(*row.values())


def checked(bench: Bench) -> Iterator[dict[str, Any]]:
    """Yield a row for each peer and column."""
    first = bench.data.split()[0]
    baseline, sample = Part.of(bench.data, first), bench.measured.first(SLOTS)
    arrays = {"baseline": baseline.slots, "slots": sample.slots}
    for side, part in (("b", baseline), ("s", sample)):
        arrays |= {f"{side}:{name}": _array(part.table[name]) for name in part.table.column_names}
    with tempfile.TemporaryDirectory() as directory:
        given = Path(directory) / "slots.npz"
        np.savez(given, **arrays)  # type: ignore[arg-type]
        for peer, rule in RULE_OF.items():
            answer = Path(directory) / f"{peer}.csv"
            python = environment(peer, _PINS / f"{peer}.txt")
            script = _HERE / f"slots_{peer.replace('-', '_')}.py"
            subprocess.run([str(python), str(script), str(given), str(answer)], check=True, env=surroundings())
            yield from _compared(bench, peer, bench.ratios.of_rule[rule], answer)


def _compared(bench: Bench, peer: str, ratios: Any, answer: Path) -> Iterator[dict[str, Any]]:
    with answer.open(newline="") as lines:
        reader = csv.reader(lines)
        version = next(reader)[-1]
        said = [(column, int(slot), float(ratio), int(drift)) for column, slot, ratio, drift in reader]
    for place, column in enumerate(bench.ratios.columns):
        own = [(ratios[slot, place], ratio, drift) for name, slot, ratio, drift in said if name == column]
        if own:
            ours, theirs, drift = (np.array(part) for part in zip(*own, strict=True))
            alike = peer != "nannyml"  # its ratio is value over threshold, ours counts from the mean
            yield {
                "peer": peer,
                "version": version,
                "stream": bench.data.name,
                "column": column,
                "slots": len(own),
                "same": int(((ours >= 1) == (drift == 1)).sum()),
                "difference": float(f"{np.median(np.abs(ours - theirs)):.2g}") if alike else "",
            }


def _array(column: pa.ChunkedArray) -> Any:
    array = column.combine_chunks()
    if pa.types.is_floating(array.type):
        return array.to_numpy(zero_copy_only=False)
    return np.array(array.fill_null("").to_pylist(), np.str_)


if __name__ == "__main__":
    main()
