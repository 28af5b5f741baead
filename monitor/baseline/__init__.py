"""Baselines: the reference distributions, frozen with their cuts under a content-addressed version."""

from __future__ import annotations

from monitor.baseline.build import BaselineBuilder
from monitor.baseline.files import BaselineFiles, Lineage
from monitor.baseline.model import Baseline
from monitor.baseline.specs import exact_specs, profile_specs

__all__ = ["Baseline", "BaselineBuilder", "BaselineFiles", "Lineage", "exact_specs", "profile_specs"]
