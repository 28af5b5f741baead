"""Imports go down the layers only, and siblings leave each other alone (docs/explanation/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From the ground up. Layers 2 and 5 have steps, so that no exception is needed for the order within them.
LAYERS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "0",
        frozenset(
            {
                "types",
                "inner_types",
                "decoded",
                "protocols",
                "spec",
                "errors",
                "clock",
                "snapshot",
                "in_force",
                "field_paths",
                "alert_views",
                "budget_views",
                "model_views",
                "codec",
                "duck",
                "blocks",
                "native",
                "encoding",
                "pending",
                "digests",
                "hashing",
                "intervals",
                "urls",
                "brokers",
                "printable",
                "first_process",
            }
        ),
    ),
    ("0b", frozenset({"texts"})),
    ("1", frozenset({"decoders", "checks", "accumulators", "detectors", "sequential", "performance"})),
    (
        "2a",
        frozenset(
            {
                "profile",
                "segments",
                "windows",
                "policy",
                "alerting",
                "checkpoint",
                "memory",
                "memory_blocks",
                "rootcause",
                "incidents",
            }
        ),
    ),
    ("2a2", frozenset({"models"})),
    ("2b", frozenset({"baseline", "partition"})),
    ("2c", frozenset({"plan", "meters", "results"})),
    ("2d", frozenset({"baseline_state", "describe", "keeping", "outcomes"})),
    ("2d2", frozenset({"budgeting"})),
    ("2e", frozenset({"judge", "lines", "window_values", "causes"})),
    ("2f", frozenset({"closing", "series", "signals"})),
    ("3", frozenset({"sources", "sinks", "store", "export", "web"})),
    ("4", frozenset({"config", "engine"})),
    ("4b", frozenset({"epochs", "gating"})),
    ("4c", frozenset({"outlets"})),
    ("5a", frozenset({"compile", "dispatcher", "publish", "saving", "waiting", "sink_building", "lookahead"})),
    ("5a1", frozenset({"saying", "stalls"})),
    ("5b", frozenset({"building", "checkpointing", "learning", "replay"})),
    ("5b1", frozenset({"ownership"})),
    ("5b2", frozenset({"succession"})),
    ("5c", frozenset({"daemon", "parts", "proposing", "replaying", "report"})),
    ("5c2", frozenset({"listening", "reloading"})),
    ("5d", frozenset({"app"})),
    ("5e", frozenset({"demo"})),
    ("5f", frozenset({"cli"})),
    ("5g", frozenset({"__main__"})),
)
RANK_OF = {unit: rank for rank, (_, units) in enumerate(LAYERS) for unit in units}
LAYER_OF = {unit: name for name, units in LAYERS for unit in units}

ALLOWED_SIBLINGS: Mapping[tuple[str, str], str] = {
    ("protocols", "types"): "the protocols speak of the values",
    ("protocols", "decoded"): "the protocols speak of the values",
    ("intervals", "types"): "intervals are arrays",
    ("decoded", "types"): "what a decoder makes is a batch and rejects",
    ("inner_types", "types"): "they are types of fields too",
    ("snapshot", "types"): "the snapshot shows levels and alerts",
    ("snapshot", "in_force"): "the snapshot shows what is in force",
    ("in_force", "errors"): "a configuration that is refused has problems",
    ("snapshot", "model_views"): "the snapshot shows what a model is worth",
    ("model_views", "types"): "a metric of a model has a level",
    ("snapshot", "alert_views"): "the snapshot shows why alerts are held",
    ("snapshot", "budget_views"): "the snapshot shows budgets",
    ("brokers", "spec"): "how a cluster is reached is configured",
    ("codec", "errors"): "state that cannot be read is an error of the store",
    ("checks", "accumulators"): "a check reads accumulators, and what the baseline froze",
    ("types", "encoding"): "a column encodes its strings once for all who ask",
    ("encoding", "native"): "strings are encoded in C where that was built",
    ("types", "hashing"): "a column hashes its values once for all who ask",
    ("pending", "types"): "what waits is columns",
    ("hashing", "native"): "hashes are computed in C where that was built",
    ("hashing", "blocks"): "hashes are computed a block of rows at a time",
    ("sequential", "accumulators"): "a series says which accumulator it is read from",
    ("performance", "accumulators"): "outcomes are counted with the accumulators' own sums and cells",
    ("detectors", "performance"): "the domain classifier is part of how models are judged",
    ("detectors", "accumulators"): "a detector says which accumulator it needs, and reads it",
}


def imported_names(module: str, source: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield line and absolute dotted name of all that `module` imports, wherever in the file it does so."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def unit_of(name: str) -> str | None:
    """Return the module or package right below `monitor` that a dotted name lies in; None outside or at the top."""
    parts = name.split(".")
    return parts[1] if parts[0] == "monitor" and len(parts) > 1 and parts[1] != "__version__" else None


def violations(files: Mapping[str, str]) -> list[str]:
    """Return what breaks the layer order in `files` (path below the repository -> source), one line each."""
    found = []
    for path, source in files.items():
        is_package = path.endswith("/__init__.py")
        module = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        unit = unit_of(module)
        if unit is not None and unit not in LAYER_OF:
            found.append(f"{path}: {unit} belongs to no layer; add it to LAYERS")
            continue
        for line, name in imported_names(module, source, is_package=is_package):
            target = unit_of(name)
            if target is None or target == unit:
                continue
            if target not in LAYER_OF:
                found.append(f"{path}:{line}: imports {name}, which belongs to no layer")
            elif unit is None:
                found.append(f"{path}:{line}: the package's root imports {name}, so every import would load it")
            elif LAYER_OF[target] > LAYER_OF[unit]:
                found.append(
                    f"{path}:{line}: {unit} (layer {LAYER_OF[unit]}) imports {name} (layer {LAYER_OF[target]})"
                )
            elif RANK_OF[target] == RANK_OF[unit] and (unit, target) not in ALLOWED_SIBLINGS:
                found.append(f"{path}:{line}: {unit} imports its sibling {name}")
    return found


def own_files() -> dict[str, str]:
    """Return the source of every module of the package by its path below the repository."""
    return {str(p.relative_to(ROOT)): p.read_text() for p in sorted((ROOT / "monitor").rglob("*.py"))}


def test_imports_go_down_only_and_siblings_do_not_import_each_other():
    assert violations(own_files()) == []


def test_every_permission_between_siblings_is_used():
    used = {
        (unit_of(module), unit_of(name))
        for path, source in own_files().items()
        for module in [path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")]
        for _, name in imported_names(module, source, is_package=path.endswith("/__init__.py"))
    }
    assert sorted(set(ALLOWED_SIBLINGS) - used) == []


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        ("monitor/types.py", "from monitor.engine import step", "types (layer 0) imports monitor.engine.step"),
        ("monitor/windows.py", "import monitor.store.sqlite", "windows (layer 2a) imports monitor.store.sqlite"),
        ("monitor/windows.py", "def f():\n    from monitor import cli", "windows (layer 2a) imports monitor.cli"),
        (
            "monitor/profile.py",
            "from monitor import baseline",
            "profile (layer 2a) imports monitor.baseline",
        ),
        ("monitor/checks/sql.py", "from ..web.app import App", "checks (layer 1) imports monitor.web.app.App"),
        ("monitor/checks/__init__.py", "from ..web import app", "checks (layer 1) imports monitor.web.app"),
        ("monitor/sinks/log.py", "from monitor.store import sqlite", "sinks imports its sibling monitor.store.sqlite"),
        ("monitor/accumulators/a.py", "from monitor.detectors.psi import Psi", "accumulators imports its sibling"),
        ("monitor/sinks/log.py", "if TYPE_CHECKING:\n    from monitor.web import app", "sinks imports its sibling"),
        ("monitor/helpers.py", "", "helpers belongs to no layer"),
        ("monitor/sinks/log.py", "from monitor.helpers import x", "imports monitor.helpers.x, which belongs to no"),
        ("monitor/__init__.py", "from monitor.types import Level", "the package's root imports monitor.types.Level"),
    ],
)
def test_the_checker_catches_a_planted_violation(path, source, says):
    found = violations({path: source})
    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("monitor/detectors/psi.py", "from monitor.accumulators.histogram import Histogram"),
        ("monitor/detectors/psi.py", "from monitor.detectors.smoothing import smoothed\nfrom . import ks"),
        ("monitor/engine.py", "from monitor.types import Batch\nfrom monitor import __version__\nimport numpy as np"),
        ("monitor/cli/run.py", "from monitor.config.load import load"),
    ],
)
def test_the_checker_allows_what_the_architecture_allows(path, source):
    assert violations({path: source}) == []
