"""The policy `budget`: a promised maximum of false pages, by e-detectors over all streams of a monitor."""

from __future__ import annotations

from monitor.policy.budget.audit import audit_ratio, raise_of
from monitor.policy.budget.detector import EDetector, Slot
from monitor.policy.budget.rules import Rules, season_rules
from monitor.policy.budget.spec import BudgetPolicy, BudgetPolicySpec

__all__ = [
    "BudgetPolicy",
    "BudgetPolicySpec",
    "EDetector",
    "Rules",
    "Slot",
    "audit_ratio",
    "raise_of",
    "season_rules",
]
