"""The one file of results: each section as it was last measured, with the machine and the versions of then."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.figures import Section

FILE = Path(__file__).parent / "results" / "performance.json"
_PACKAGES = ("duckdb", "pyarrow", "numpy", "orjson", "kafka-python", "confluent-kafka", "datasketches")


def machine() -> dict[str, Any]:
    """Return the processor, the number of cores, and what Python and its libraries are; nothing that names the host."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    """Return the model of the processor; of the architecture where the system does not say."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def merge(file: Path, name: str, section: Section, *, size: str, command: str, took_s: float, load: float) -> None:
    """Replace one section of the file; `load` is the load average over the last minute when it began."""
    stored = read(file) if file.exists() else {}
    stored[name] = {
        "measured": datetime.now(UTC).date().isoformat(),
        "size": size,
        "command": command,
        "took_s": round(took_s, 1),
        "load_before": round(load, 2),
        "machine": machine(),
        **section.stored(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_rounded(stored), indent=1, ensure_ascii=False) + "\n")


def read(file: Path = FILE) -> dict[str, Any]:
    """Return all sections by their names, as they are stored."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _rounded(node: Any) -> Any:
    """Return the tree with numbers of five digits: more would be noise."""
    if isinstance(node, Mapping):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_rounded(value) for value in node]
    return float(f"{node:.5g}") if isinstance(node, float) else node
