"""Where records go that could not be decoded."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from monitor.spec import Spec


class DeadLetterSpec(Spec):
    """The topic for rejects, on the source's cluster, and how much may wait or go there."""

    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
    max_per_second: int = Field(1000, ge=1, description="Rejects beyond this rate are counted, not sent.")
    max_buffered_bytes: int = Field(64 << 20, ge=1, description="When so much is unacknowledged, reading stops.")
