"""What the peers are handed: every case as it is, and as Driftline's cells hold it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from monitor.types import IntArray
from tests.conformance.cases import Case, cases
from tests.conformance.ours import Pair, kept


def write(path: Path) -> None:
    """Write the inputs of all peers as one JSON file."""
    path.write_text(json.dumps({name: _input(case) for name, case in cases().items()}))


@cache
def digests(case: Case) -> Mapping[str, str]:
    """Return, for each kind of input, what it is known by in the cached files: other inputs have another digest.

    Those of the inputs on Driftline's cells change with its cells. They are made of whole numbers only: the last bit of
    a mean may be another one on another machine.
    """
    own = [case.numbers, case.baseline, case.current]
    found = {"own": _digest(own), "cells": _digest([own, *_listed(kept(case).cells("psi"))])}
    if case.numbers:
        grid = [side.counts[0] for side in (kept(case).baseline, kept(case).current)]
        found |= {"steps": _digest([own, *_listed(kept(case).cells("ks"))]), "means": _digest([own, *_listed(grid)])}
    return found


def _input(case: Case) -> dict[str, Any]:
    """Return one case: `own` for the peer's own cells, the others on Driftline's.

    `cells` are names of the cells that `psi` compares, for statistics of categories; `steps` are numbers of the cells
    that `ks` compares; `means` stand for the values of a cell, as `wasserstein` has them.
    """
    pair = kept(case)
    given = {
        "digests": digests(case),
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


def _listed(sides: Iterable[IntArray]) -> list[list[int]]:
    return [side.tolist() for side in sides]


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=6).hexdigest()
