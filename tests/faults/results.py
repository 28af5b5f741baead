"""The results of the fault suite and of the soak, each as it was last run, with machine and versions of then."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.results import machine, read

FILE = Path(__file__).parent / "results.json"

__all__ = ["FILE", "put_fault", "put_soak", "read"]


def put_fault(file: Path, line: Mapping[str, Any]) -> None:
    """Put what came of a fault in the place of what came of it before."""
    stored = read(file) if file.exists() else {}
    stored.setdefault("faults", {})[f"{line['name']} {line['client']}"] = {**line, **_when()}
    _write(file, stored | {"machine": machine()})


def put_soak(file: Path, soak: Mapping[str, Any]) -> None:
    """Put a soak in the place of the one before."""
    stored = read(file) if file.exists() else {}
    _write(file, stored | {"soak": {**soak, **_when(), "machine": machine()}})


def _when() -> dict[str, Any]:
    return {"run": datetime.now(UTC).date().isoformat(), "load_after": round(os.getloadavg()[0], 1)}


def _write(file: Path, stored: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
