"""What checks read of a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.accumulators.frame import Frame
from monitor.accumulators.moments import Moments


@dataclass(frozen=True, eq=False)
class Reference:
    """The baseline's frames and moments by field; group 0 of the moments is all rows."""

    frames: Mapping[str, Frame] = field(default_factory=dict)
    moments: Mapping[str, Moments] = field(default_factory=dict)


NO_REFERENCE = Reference()
"""The reference of a monitor without a baseline."""
