"""Policies turn the scores of a window into levels; one file each."""

from __future__ import annotations

from monitor.policy.threshold import ThresholdPolicySpec

PolicySpec = ThresholdPolicySpec
"""Every policy that can be configured; with a second one it becomes a union discriminated by `kind`."""

__all__ = ["PolicySpec", "ThresholdPolicySpec"]
