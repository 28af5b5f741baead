"""A model of a monitor: its predictions, their labels, what they are worth, and when that changes."""

from __future__ import annotations

from monitor.models.accumulator import ModelOutcomes, OutcomeCounts
from monitor.models.plan import ModelFields, ModelPlan
from monitor.models.reference import ModelReference, reference_of
from monitor.models.settings import MetricSpec, ModelSpec, Role
from monitor.models.watching import ModelWatch

__all__ = [
    "MetricSpec",
    "ModelFields",
    "ModelOutcomes",
    "ModelPlan",
    "ModelReference",
    "ModelSpec",
    "ModelWatch",
    "OutcomeCounts",
    "Role",
    "reference_of",
]
