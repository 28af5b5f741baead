"""What docker-compose.yaml says, for tests that read it and tests that run it without containers."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"
COMPOSE = ROOT / "compose"


def services() -> dict[str, dict[str, Any]]:
    """Return the services by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return found


def mounts(service: dict[str, Any]) -> dict[PurePosixPath, Path]:
    """Return what is mounted from this repository, by its path in the container."""
    parts = [volume.split(":") for volume in service.get("volumes", ())]
    return {PurePosixPath(part[1]): ROOT / part[0] for part in parts if part[0].startswith("./")}


def named_volumes(service: dict[str, Any]) -> dict[str, str]:
    """Return the volumes of a service by name, with their paths in the container."""
    parts = [volume.split(":") for volume in service.get("volumes", ())]
    return {part[0]: part[1] for part in parts if not part[0].startswith("./")}


def in_repository(service: dict[str, Any], path: str) -> Path:
    """Return the file of this repository that a container sees at a path."""
    for inside, outside in mounts(service).items():
        if PurePosixPath(path).is_relative_to(inside):
            return outside / PurePosixPath(path).relative_to(inside)
    raise AssertionError(f"nothing is mounted at {path}")


def option(service: dict[str, Any], name: str) -> str:
    """Return the value of an option `--name=value` of a service's command."""
    return next(word.removeprefix(f"--{name}=") for word in service["command"] if word.startswith(f"--{name}="))
