"""Doping: known faults, injected into real rows as columns, as severe as it takes to be equally plain everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.doping.categories import CATEGORY_FAULTS
from monitor.doping.fault import Apply, Fault, severity_of
from monitor.doping.numbers import NUMBER_FAULTS
from monitor.doping.relations import RELATION_FAULTS
from monitor.doping.rows import ROW_FAULTS
from monitor.doping.times import times_ms
from monitor.doping.values import VALUE_FAULTS

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for fault in (*NUMBER_FAULTS, *VALUE_FAULTS, *CATEGORY_FAULTS, *RELATION_FAULTS, *ROW_FAULTS)
}
"""Every kind of fault by its name."""
SEVERITIES: Mapping[str, float] = {"small": 3.0, "medium": 10.0, "large": 25.0, "gross": 100.0}
"""The names of four noncentralities in one window: a test at 5 % sees a small fault in under half of the windows."""

__all__ = ["FAULTS", "SEVERITIES", "Apply", "Fault", "severity_of", "times_ms"]
