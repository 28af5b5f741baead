"""The Dockerfile as values: what it does stage by stage, and how the image is set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Step:
    """One instruction, with its lines joined."""

    instruction: str
    value: str

    @property
    def words(self) -> list[str]:
        """The words of an exec form."""
        words = json.loads(self.value)
        assert isinstance(words, list), self.value
        return words


def parser() -> DockerfileParser:
    """Return the parsed file; its `envs` and `labels` are those of the last stage."""
    return DockerfileParser(fileobj=BytesIO(DOCKERFILE.read_bytes()))


def stages() -> Sequence[Sequence[Step]]:
    """Return the steps of every stage, each beginning with its FROM; what stands before the first is left out."""
    found: list[list[Step]] = []
    for part in parser().structure:
        step = Step(part["instruction"], part["value"])
        if step.instruction == "FROM":
            found.append([])
        if found and step.instruction != "COMMENT":
            found[-1].append(step)
    return found


def the(instruction: str) -> Step:
    """Return the one step of this kind in the last stage."""
    found = [step for step in stages()[-1] if step.instruction == instruction]
    assert len(found) == 1, (instruction, found)
    return found[0]


def health_command() -> Sequence[str]:
    """Return the words of the health check."""
    words = json.loads(the("HEALTHCHECK").value.partition(" CMD ")[2])
    assert isinstance(words, list)
    return words


def environment() -> Mapping[str, str]:
    """Return the environment variables of the image."""
    return dict(parser().envs)
