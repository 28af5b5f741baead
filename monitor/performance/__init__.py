"""How well a model does: its predictions against labels that came later, or estimated while there are none.

Pure mathematics on columns: no configuration, no clock, no input or output.
"""

from __future__ import annotations

from monitor.performance.counts import PerformanceCounts
from monitor.performance.frame import PerformanceFrame
from monitor.performance.metric import Metric
from monitor.performance.outcome import Outcomes, Task

__all__ = ["Metric", "Outcomes", "PerformanceCounts", "PerformanceFrame", "Task"]
