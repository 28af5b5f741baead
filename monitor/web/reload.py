"""POST /-/reload: asks for the configuration to be loaded again, and waits for what becomes of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from monitor.in_force import Loaded
from monitor.web.json import json_response, problem

WAIT_S: Final = 45.0
"""Longer than a reload takes before it gives up."""
_STATUS: Final = {"reloaded": 200, "unchanged": 200, "refused": 400, "unavailable": 503}
_REMEDIES: Final = {
    "refused": "mend the configuration; the one before is still in force",
    "unavailable": "try again; the configuration before is still in force",
}


class ReloadPage:
    """The handler. Nothing is done in its thread; it waits, at most `wait_s`, without holding up other requests."""

    def __init__(self, ask: Callable[[], Future[Loaded]], wait_s: float = WAIT_S) -> None:
        """Ask for reloads by `ask`, which returns at once."""
        self._ask = ask
        self._wait_s = wait_s

    async def reload(self, _request: Request) -> Response:
        """200 when what the file says is in force, 400 with its problems, 503 when not now, 504 when it takes long."""
        # Shielded: whoever stops waiting takes nothing back.
        asked = asyncio.shield(asyncio.wrap_future(self._ask()))
        try:
            loaded = await asyncio.wait_for(asked, self._wait_s)
        except TimeoutError:
            return problem(504, "the reload is not over yet", "see last_load and epoch in /api/v1/status")
        return json_response(document(loaded), _STATUS[loaded.outcome])


def document(loaded: Loaded) -> dict[str, Any]:
    """Return what became of a reload; the problems are those that `driftline check --output json` lists."""
    found: dict[str, Any] = {
        "outcome": loaded.outcome,
        "config_hash": loaded.config_hash,
        "baseline_version": loaded.baseline_version,
        "changes": list(loaded.changes),
    }
    if loaded.successful:
        return found
    problems = [each.document(loaded.file) for each in loaded.problems]
    error = problems[0]["message"] if len(problems) == 1 else f"{len(problems)} problems"
    return {**found, "error": error, "remedy": _REMEDIES[loaded.outcome], "problems": problems}
