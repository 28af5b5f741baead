"""What /api/v1/status says of what is in force, and of the last attempt to change it."""

from __future__ import annotations

from typing import Any

from monitor.in_force import EpochView, LoadView
from monitor.web.json import moment
from monitor.web.text import shown

_MAX_LINES = 50
_MAX_CHARS = 200


def epoch_document(epoch: EpochView | None) -> dict[str, Any] | None:
    """Return what is in force, since when, and what changed with it; None before the data thread has said so."""
    if epoch is None:
        return None
    return {
        "config_hash": shown(epoch.config_hash, _MAX_CHARS),
        "baseline_version": None if epoch.baseline_version is None else shown(epoch.baseline_version, _MAX_CHARS),
        **moment("since", epoch.since_ms),
        "changes": _lines(epoch.changes),
    }


def load_document(load: LoadView | None) -> dict[str, Any] | None:
    """Return what became of the last attempt to load the configuration; None before there was one."""
    if load is None:
        return None
    return {
        "successful": load.successful,
        **moment("at", load.at_ms),
        **moment("last_success", load.success_at_ms),
        "problems": _lines(load.problems),
    }


def _lines(lines: tuple[str, ...]) -> list[str]:
    return [shown(line, _MAX_CHARS) for line in lines[:_MAX_LINES]]
