"""Flapping: a stream that fires again and again stays firing until it has been quiet for longer."""

from __future__ import annotations

from dataclasses import dataclass, field

FEWEST_WINDOWS = 48
"""What is remembered is remembered for so many windows at least, however short the configured time is for them."""

_MOST_DOUBLINGS = 30


@dataclass(frozen=True)
class Flap:
    """What flapping is: `most` beginnings within `within_ms` of event time, or within 48 windows if that is longer."""

    most: int
    within_ms: int

    def horizon_ms(self, stride_ms: int) -> int:
        """Return for how long a beginning counts, for windows that are `stride_ms` apart."""
        return max(self.within_ms, FEWEST_WINDOWS * stride_ms)


@dataclass(slots=True)
class Bouts:
    """When a stream lately began to be bad, and how long it must be good now to be over.

    `began_ms` are the starts of the windows of the last beginnings, at most as many as make flapping; `doublings` how
    often the windows to clear have doubled, 0 while it does not flap; `quiet` how many these are, 0 for as configured.
    """

    began_ms: list[int] = field(default_factory=list)
    ended_ms: int = 0
    doublings: int = 0
    quiet: int = 0

    def begin(self, at_ms: int, clear_after: int, stride_ms: int, flap: Flap) -> None:
        """Note that it is bad from this window on.

        The `most`-th beginning within the horizon doubles the windows to clear, and so does each one after it, until
        the stream has been good for a whole horizon after it was over. They never exceed the horizon.
        """
        horizon_ms = flap.horizon_ms(stride_ms)
        self.began_ms = [*self.began_ms, at_ms][-flap.most :]
        many = len(self.began_ms) == flap.most and at_ms - self.began_ms[0] < horizon_ms
        if self.doublings and at_ms - self.ended_ms < horizon_ms:
            self.doublings = min(self.doublings + 1, _MOST_DOUBLINGS)
        else:
            self.doublings = int(many)
        longest = max(horizon_ms // stride_ms, clear_after)
        self.quiet = min(clear_after << self.doublings, longest) if self.doublings else 0

    def end(self, at_ms: int) -> None:
        """Note that it is over with this window."""
        self.ended_ms = at_ms

    def recent(self, at_ms: int, horizon_ms: int) -> bool:
        """Return whether there is anything to remember for windows from this one on."""
        return bool(self.began_ms) and at_ms - self.ended_ms < horizon_ms
