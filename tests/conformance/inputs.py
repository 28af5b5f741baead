"""What the peers are handed: every case as it is, and as Driftline's cells hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monitor.types import IntArray
from tests.conformance.cases import Case, cases
from tests.conformance.ours import Pair, kept


def write(path: Path) -> None:
    """Write the inputs of all peers as one JSON file."""
    path.write_text(json.dumps({name: _input(case) for name, case in cases().items()}))


def _input(case: Case) -> dict[str, Any]:
    """Return one case: `own` for the peer's own cells, the others on Driftline's.

    `cells` are names of the cells that `psi` compares, for statistics of categories; `steps` are numbers of the cells
    that `ks` compares; `means` stand for the values of a cell, as `wasserstein` has them.
    """
    pair = kept(case)
    given = {
        "digest": case.digest,
        "numbers": case.numbers,
        "own": [case.baseline, case.current],
        "cells": [[f"cell {i:02}" for i in side] for side in _numbered(pair, "psi")],
    }
    if case.numbers:
        given["steps"] = [[float(i) for i in side] for side in _numbered(pair, "ks")]
        given["means"] = [side.tolist() for side in pair.means()]
    return given


def _numbered(pair: Pair, kind: str) -> list[IntArray]:
    """Return, for each value of both sides, the number of the cell it lies in."""
    return [np.repeat(np.arange(counts.size), counts) for counts in pair.counts(kind)]
