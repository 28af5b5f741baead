"""What is in force, and what became of the last attempt to change it: values of the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitor.errors import Problem

Outcome = Literal["reloaded", "unchanged", "refused", "unavailable"]


@dataclass(frozen=True)
class EpochView:
    """What is in force: digest of the configuration, version of the baseline (None: there is none), since when.

    `changes` are what became another with it, as lines of field paths; the value of a secret is never among them.
    """

    config_hash: str
    baseline_version: str | None
    since_ms: int
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadView:
    """What became of the last attempt to load the configuration; the start is the first one, and a success.

    `problems` say why the last attempt failed, and so why the one before goes on.
    """

    successful: bool
    at_ms: int
    success_at_ms: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """What became of an attempt to load the configuration, and what is in force after it.

    `unchanged` is a success too. `refused`: something is wrong with the configuration, or it needs a restart.
    `unavailable`: it could not be taken just now. `problems` stand in the configuration `file`, if there is one.
    """

    outcome: Outcome
    config_hash: str
    baseline_version: str | None
    changes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    file: str | None = None

    @property
    def successful(self) -> bool:
        """Whether what the file says is in force."""
        return self.outcome in ("reloaded", "unchanged")
