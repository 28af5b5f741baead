"""Baselines: the reference distributions, frozen with their cuts under a content-addressed version."""

from __future__ import annotations

from monitor.baseline.build import BaselineBuilder
from monitor.baseline.files import BaselineFiles, Lineage
from monitor.baseline.groups import NumberGroup
from monitor.baseline.model import Baseline
from monitor.baseline.specs import exact_specs, profile_specs
from monitor.baseline.view import BaselineKeeper, BaselineView, FixedKeeper, view_of

__all__ = [
    "Baseline",
    "BaselineBuilder",
    "BaselineFiles",
    "BaselineKeeper",
    "BaselineView",
    "FixedKeeper",
    "Lineage",
    "NumberGroup",
    "exact_specs",
    "profile_specs",
    "view_of",
]
