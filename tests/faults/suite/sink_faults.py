"""Whoever is paged: hangs, fails, is busy, is slow, or speaks another TLS than it should."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.faults.suite.fault import Fault, register
from tests.faults.suite.scene import Scene
from tests.support.receiver import Behaviour, Reply, always

_SLOW_S = 0.7
"""Less than the sink's time-out of 1 s."""


def failing(behave: Behaviour, least_s: float = 12.0, most_s: float = 16.0) -> Callable[[Scene], None]:
    """Return what lets the receiver behave so for a while, in which alerts fire."""

    def disturb(scene: Scene) -> None:
        well = scene.receiver.behave
        scene.receiver.behave = behave
        scene.wait(least_s, most_s)
        scene.receiver.behave = well
        scene.until_reading(200)

    return disturb


def slow(_request: object) -> Reply:
    """Answer late."""
    time.sleep(_SLOW_S)
    return Reply()


HANGS: Behaviour = lambda _: Reply(hang=True)  # noqa: E731 - a value like `always(…)`

register(Fault("sink-500", "the webhook answers 500 for 12 to 16 s", failing(always(500)), repeats=2))
register(Fault("sink-429", "the webhook answers 429, Retry-After: 3", failing(always(429, Retry_After="3")), repeats=2))
register(Fault("sink-hangs", "the webhook accepts and never answers", failing(HANGS), repeats=2))
register(Fault("sink-slow", "the webhook takes 0.7 s for each answer", failing(slow), repeats=2))
