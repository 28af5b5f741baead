"""The report: one HTML file that says what a stretch of data was like, beside its baseline."""

from __future__ import annotations

from monitor.report.gathering import Gathered, gather
from monitor.report.page import render

__all__ = ["Gathered", "gather", "render"]
