"""Baselines: the reference distributions, frozen with their cuts under a content-addressed version."""

from __future__ import annotations

from monitor.baseline.build import BaselineBuilder
from monitor.baseline.files import BaselineFiles, Lineage
from monitor.baseline.groups import NumberGroup
from monitor.baseline.kept import KeptPlan
from monitor.baseline.kinds import (
    LEARNING,
    BaselineSpec,
    FileBaselineSpec,
    PreviousBaselineSpec,
    SeasonalBaselineSpec,
    TrailingBaselineSpec,
)
from monitor.baseline.model import Baseline
from monitor.baseline.previous import PreviousKeeper
from monitor.baseline.ring import RingRules
from monitor.baseline.seasonal import SeasonalKeeper
from monitor.baseline.seasons import Season
from monitor.baseline.specs import exact_specs, profile_specs
from monitor.baseline.trailing import LEARNING_REASON, TrailingKeeper
from monitor.baseline.view import BaselineChange, BaselineKeeper, BaselineView, FixedKeeper, view_of

__all__ = [
    "LEARNING",
    "LEARNING_REASON",
    "Baseline",
    "BaselineBuilder",
    "BaselineChange",
    "BaselineFiles",
    "BaselineKeeper",
    "BaselineSpec",
    "BaselineView",
    "FileBaselineSpec",
    "FixedKeeper",
    "KeptPlan",
    "Lineage",
    "NumberGroup",
    "PreviousBaselineSpec",
    "PreviousKeeper",
    "RingRules",
    "Season",
    "SeasonalBaselineSpec",
    "SeasonalKeeper",
    "TrailingBaselineSpec",
    "TrailingKeeper",
    "exact_specs",
    "profile_specs",
    "view_of",
]
