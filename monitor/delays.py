"""How long each record took to reach the topic, as a column beside the fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.types import Batch, Column, Presence

DELAY = "\0delay"
"""The column's name, which no field can have by mistake."""


def with_delays(batch: Batch) -> Batch:
    """Return a batch with the column `DELAY`: seconds from each row's event time to its record's Kafka timestamp.

    It is negative where the event time is ahead, and absent of records without a timestamp, such as those of files.
    Both times are the record's, so a monitor that is behind, or a replay, sees the same delays.
    """
    stamped = batch.timestamps_ms > 1
    delays_s = np.where(stamped, batch.timestamps_ms - batch.event_times_ms, 0) / 1000.0
    presence = np.where(stamped, Presence.OK, Presence.ABSENT).astype(np.uint8)
    return replace(batch, columns={**batch.columns, DELAY: Column(delays_s, presence)})
