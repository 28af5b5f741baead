"""Policies turn the scores of a window into levels; one file or package each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.policy.budget import BudgetPolicy, BudgetPolicySpec
from monitor.policy.threshold import ThresholdPolicy, ThresholdPolicySpec

PolicySpec = Annotated[ThresholdPolicySpec | BudgetPolicySpec, Field(discriminator="kind")]
"""Every policy that can be configured."""
Policy = ThresholdPolicy | BudgetPolicy

__all__ = ["BudgetPolicy", "BudgetPolicySpec", "Policy", "PolicySpec", "ThresholdPolicy", "ThresholdPolicySpec"]
