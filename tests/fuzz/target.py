"""What a target is, and where all of them are found."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Try = Callable[[bytes], None]
"""Feeds one input to the code; returns where the code keeps its promise, whatever else it raises is a finding."""

CORPUS = Path(__file__).parent / "corpus"
"""Inputs that once broke something, one directory a target, which the tests replay."""

NAMES = [
    "json_scanner",
    "json_duckdb",
    "json_registry",
    "json_gzip",
    "json_envelope",
    "avro",
    "avro_schema",
    "protobuf",
    "msgpack",
    "delimited",
    "field_paths",
    "configuration",
    "sql",
    "registry",
    "state",
    "store",
    "baseline",
    "http",
    "answers",
    "engine",
]
"""The targets; each is a module of `tests.fuzz.targets`."""


@dataclass(frozen=True)
class Target:
    """One entry of foreign bytes into the program.

    `seeds` are good inputs from which the damaged ones are made. An input of at most `max_bytes` may take `max_cpu_s`.
    """

    build: Callable[[], Try]
    seeds: Sequence[bytes]
    max_bytes: int = 4096
    max_cpu_s: float = 2.0


def load(name: str) -> Target:
    """Return a target by its name; raises ModuleNotFoundError where there is none."""
    found: Target = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    return found


def crashers(name: str) -> list[Path]:
    """Return the inputs that are kept for a target."""
    return sorted((CORPUS / name).glob("*"))
