"""Backtests: which alerts and pages a configuration would have brought on history, by the daemon's own machinery."""

from monitor.backtesting.comparing import Difference, compare
from monitor.backtesting.fired import FiredAlert, Spell
from monitor.backtesting.history import Busy, History, Rate
from monitor.backtesting.opening import Input, Stretch, open_files, open_topic
from monitor.backtesting.paging import Page
from monitor.backtesting.sweeping import Sweep, UnfitSweep, parse_sweep, swept
from monitor.backtesting.whole import Asked, over_input, over_store

__all__ = [
    "Asked",
    "Busy",
    "Difference",
    "FiredAlert",
    "History",
    "Input",
    "Page",
    "Rate",
    "Spell",
    "Stretch",
    "Sweep",
    "UnfitSweep",
    "compare",
    "open_files",
    "open_topic",
    "over_input",
    "over_store",
    "parse_sweep",
    "swept",
]
