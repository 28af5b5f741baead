"""What the engine tells the alert book about one stream of verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

from monitor.types import Level

AlertName = Literal["DriftlineDrift", "DriftlineCheck"]


class Key(NamedTuple):
    """A stream of verdicts; sorts by rule, field, segment, which is the order of transitions."""

    rule: str
    field: str
    segment: str


@dataclasses.dataclass(frozen=True)
class Signal:
    """The level of one stream in one judged window (or in each of a run of windows).

    `field` and `segment` are empty where they do not apply. `annotations` say what changed, to the person
    who is paged; those of the last breaching window are kept. Raises ValueError when `raise_after` or
    `clear_after` (windows of event time) is below one.
    """

    rule: str
    field: str
    segment: str
    level: Level
    reason: str = ""
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    raise_after: int = 1
    clear_after: int = 1
    alertname: AlertName = "DriftlineDrift"

    def __post_init__(self) -> None:
        """Refuse a hysteresis that would raise or clear on no window at all."""
        if self.raise_after < 1 or self.clear_after < 1:
            message = f"raise_after {self.raise_after} and clear_after {self.clear_after} must be at least 1"
            raise ValueError(message)

    @property
    def key(self) -> Key:
        """The stream this signal belongs to."""
        return Key(self.rule, self.field, self.segment)
