"""Shares of rows without a usable value: missing and invalid ones, against the baseline's share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from scipy import special

from monitor.accumulators.presence import PresenceSpec
from monitor.detectors import settings
from monitor.detectors.cells import CellPair
from monitor.intervals import wilson
from monitor.spec import Spec
from monitor.types import FIELD_TYPES, Correlation, FieldType, IntArray, Presence, Score

_MISSING = (Presence.ABSENT, Presence.NULL)
_INVALID = (Presence.WRONG_TYPE, Presence.NAN, Presence.POSITIVE_INFINITY, Presence.NEGATIVE_INFINITY)


class Counted(Protocol):
    """What is read of an accumulator: rows by presence."""

    @property
    def counts(self) -> IntArray:
        """The rows (groups x presences), in the order of `Presence`."""
        ...


class MissingSpec(Spec):
    """Change of the share of rows where the field is absent or null, up or down, in 0 … 1."""

    field_types: ClassVar[frozenset[FieldType]] = FIELD_TYPES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          note: {type: text}
        drift:
          - {kind: missing, warning: 0.05, critical: 0.2}
    """

    kind: Literal["missing"] = "missing"
    warning: settings.WarningAbove = 0.05
    critical: settings.CriticalAbove = 0.2
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None

    def build(self) -> PresenceShare:
        """Return the detector."""
        return PresenceShare(self, _MISSING)


class InvalidSpec(Spec):
    """Change of the share of rows with a wrong type, NaN or an infinity, up or down, in 0 … 1."""

    field_types: ClassVar[frozenset[FieldType]] = FIELD_TYPES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift:
          - {kind: invalid, warning: 0.01, critical: 0.05}
    """

    kind: Literal["invalid"] = "invalid"
    warning: settings.WarningAbove = 0.01
    critical: settings.CriticalAbove = 0.05
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None

    def build(self) -> PresenceShare:
        """Return the detector."""
        return PresenceShare(self, _INVALID)


@dataclass(frozen=True)
class PresenceShare:
    """|q - p|, with p and q the shares of rows of the given kinds among all rows of baseline and current.

    n and m are all rows here, so a column without a single usable value has a score. A side without
    rows gives NaN. `contributions` are the signed differences of all seven presences' shares.

    No drift: E|q - p| ≈ √(2·s(1-s)·K/π), s the pooled share, K = 1/n + 1/m: 0.024 at s = 0.1, n = 100, m large.
    `p_value` is that of the two-sample chi-squared test without continuity correction.

    Guarantee: `lower_bound` is the near end of Newcombe's score interval for a difference, at 95 %
    two-sided, 0 when it contains 0; it holds its confidence also for shares near 0 and 1.
    Source: Newcombe, Interval estimation for the difference between independent proportions (1998), method 10.
    """

    spec: MissingSpec | InvalidSpec
    kinds: tuple[Presence, ...]

    def needs(self, field: str, field_type: FieldType = "number") -> PresenceSpec:
        """Return the Spec of the counts compared."""
        return PresenceSpec(field=field)

    def compare(self, baseline: Counted, current: Counted, rho: Correlation = 0.0) -> Score:
        """Return the change of the share in every group."""
        pair = CellPair.of_counts(baseline.counts, current.counts, settings.correlation(self.spec.rho, rho))
        shares_before, shares_now = pair.shares
        p, q, s = (x[:, list(self.kinds)].sum(axis=1) for x in (shares_before, shares_now, pair.pooled))
        p, q, s = (np.clip(x, 0.0, 1.0) for x in (p, q, s))
        difference = np.abs(q - p)
        rows_before, rows_now = pair.rows
        p_low, p_high = wilson(p, rows_before)
        q_low, q_high = wilson(q, rows_now)
        margin = np.where(q > p, np.hypot(q - q_low, p_high - p), np.hypot(q_high - q, p - p_low))
        variance = s * (1 - s) * pair.noise
        squared = np.divide(difference**2, variance, out=np.zeros_like(variance), where=variance > 0)
        return pair.score(
            difference,
            noise_floor=np.sqrt(2 * variance / math.pi),
            lower_bound=np.maximum(difference - margin, 0.0),
            p_value=special.chdtrc(1.0, squared),
            contributions=shares_now - shares_before,
        )
