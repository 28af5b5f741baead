"""All faults; importing a family puts it into the table."""

from __future__ import annotations

from tests.faults.suite import (
    broker_faults,
    clock_faults,
    group_faults,
    network_faults,
    process_faults,
    produce_faults,
    registry_faults,
    reload_faults,
    sink_faults,
    store_faults,
    topic_faults,
)
from tests.faults.suite.fault import FAULTS

__all__ = [
    "FAULTS",
    "broker_faults",
    "clock_faults",
    "group_faults",
    "network_faults",
    "process_faults",
    "produce_faults",
    "registry_faults",
    "reload_faults",
    "sink_faults",
    "store_faults",
    "topic_faults",
]
