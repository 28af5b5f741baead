"""Where partitions end, asked of the broker often enough to see idleness and lag, and seldom enough to cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from monitor.types import TopicPartition

ASK_TIMEOUT_S = 0.25
"""The longest wait for an answer; the data thread stands still for it."""

ASK_EVERY_S = 1.0
"""How often a partition that was read to its end is asked for, and the least time between two questions."""

ASK_BEHIND_EVERY_S = 5.0
"""How often the others are, and the time that a broker is left alone after it did not answer."""

Ask = Callable[[Collection[TopicPartition], float], dict[TopicPartition, int]]
"""Asks the broker for the ends of these partitions within so many seconds; absent = no answer."""


class EndOffsets:
    """The last confirmed end of each partition. One question in `ASK_EVERY_S` at most, for all that are due."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._ends: dict[TopicPartition, int] = {}
        self._asked_s: dict[TopicPartition, float] = {}
        self._silent_until_s = float("-inf")
        self.answered = True

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Ask for these anew when they are next due, which is at once."""
        for partition in partitions:
            self._ends.pop(partition, None)
            self._asked_s.pop(partition, None)

    def confirm(self, positions: Mapping[TopicPartition, int], now_s: float) -> dict[TopicPartition, int]:
        """Return the ends that the broker confirmed just now, of those in `positions` that were due."""
        if now_s < self._silent_until_s:
            return {}
        due = [partition for partition, at in positions.items() if now_s >= self._due_s(partition, at)]
        if not due:
            return {}
        self._asked_s |= dict.fromkeys(due, now_s)
        ends = self._ask(due, ASK_TIMEOUT_S)
        self._ends |= ends
        self.answered = bool(ends)
        self._silent_until_s = now_s + (ASK_EVERY_S if ends else ASK_BEHIND_EVERY_S)
        return ends

    def _due_s(self, partition: TopicPartition, at: int) -> float:
        caught_up = at >= self._ends.get(partition, 0)
        # A little early, so that questions for several partitions fall together.
        every_s = ASK_EVERY_S if caught_up else ASK_BEHIND_EVERY_S
        return self._asked_s.get(partition, float("-inf")) + every_s * 0.9
