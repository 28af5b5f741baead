"""What one poll brought, decoded on another core while what the poll before it brought is folded."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.engine import Engine
from monitor.types import Fetch

_MANY_RECORDS = 1_000
"""Fewer are handed on at once: there is no backlog, and waiting for the next poll would only delay them."""


class Lookahead:
    """Holds the fetches of one poll back until the next, in order.

    What is held is not counted and not checkpointed: whoever comes next reads it again.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self._held: list[Fetch] = []

    def __bool__(self) -> bool:
        """Return whether something is held: the next poll must not wait."""
        return bool(self._held)

    def exchange(self, engine: Engine, fetches: Sequence[Fetch]) -> list[Fetch]:
        """Return what is to be folded now: what was held, and of the new what is not worth being held."""
        if sum(map(len, fetches)) < _MANY_RECORDS:
            return self.take(fetches)
        held, self._held = self._held, engine.begin(fetches)
        return held

    def take(self, fetches: Sequence[Fetch] = ()) -> list[Fetch]:
        """Return all that is held, and `fetches` behind it."""
        held, self._held = self._held, []
        return [*held, *fetches]
