"""What the peers are handed: every case as it is, and as Driftline's cells hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance import ours
from tests.conformance.cases import Case, cases


def write(path: Path) -> None:
    """Write the inputs of all peers as one JSON file."""
    path.write_text(json.dumps({name: _input(case) for name, case in cases().items()}))


def _input(case: Case) -> dict[str, Any]:
    """Return one case: `own` for the peer's own cells, the others on Driftline's.

    `cells` are names of cells, for statistics of categories; `steps` are numbers of cells, for `ks`; `means` stand
    for the values of a cell, for `wasserstein`.
    """
    found = {"digest": case.digest, "numbers": case.numbers, "own": [case.baseline, case.current]}
    found["cells"] = ours.labels(case)
    if case.numbers:
        found |= {"steps": ours.steps(case), "means": ours.means(case)}
    return found
