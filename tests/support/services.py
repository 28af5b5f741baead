"""Stand-ins for the services that page people: they refuse, ask for patience, swallow, and remember what they took."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self

from tests.support.receiver import Receiver, Reply, Request

WELL = Reply(202, b'{"status":"success"}')
BUSY = Reply(429, b'{"status":"throttled"}', {"Retry-After": "1"})
BROKEN = Reply(500, b"an unexpected condition")
SWALLOWING = Reply(hang=True)
"""The request is taken, and its sender never told."""


class Service:
    """A receiver whose `mood` is its answer to everything; `refused` counts since it changed; a context manager."""

    def __init__(self, mood: Reply = WELL) -> None:
        """Answer well unless told otherwise."""
        self.mood = mood
        self.taken: list[dict[str, Any]] = []
        self.refused = 0
        self._receiver = Receiver(self._answer)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._receiver.url

    def wait_for(self, wanted: Callable[[Self], bool], timeout_s: float = 180.0) -> None:
        """Return as soon as the service is as wanted; fails when it is not in time."""
        self._receiver.wait_for(lambda _: wanted(self), timeout_s)

    def change(self, mood: Reply) -> None:
        """Answer otherwise from now on, and count refusals anew."""
        self.mood, self.refused = mood, 0

    def _answer(self, request: Request) -> Reply:
        """Answer as the mood is, and note what was taken."""
        mood = self.mood
        if mood.hang or mood.status < 300:
            self.taken.append(json.loads(request.body))
        else:
            self.refused += 1
        return mood

    def __enter__(self) -> Self:
        self._receiver.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._receiver.__exit__(*error)
