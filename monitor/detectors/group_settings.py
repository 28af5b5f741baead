"""What the detectors of groups of fields share: sizes, the design effect, and the settings' types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from monitor.types import Correlation, FloatArray, IntArray, MaskArray, Score

MinRows = Annotated[
    int,
    Field(
        ge=2, description="with fewer complete rows than this the verdict is unknown; twice as many as fields anyway"
    ),
]
ROWS_PER_FIELD = 2
"""A window with fewer complete rows for each field is not compared."""
BASELINE_ROWS_PER_FIELD = 5
"""A baseline with fewer complete rows for each field is not compared with."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Complete rows of baseline and current window per group, and what they are worth.

    `effect` is the design effect 1 + (n-1)·rho of rows of one window that resemble each other; the baseline is taken to
    consist of windows about as large as the current one. `defined`: the groups with rows enough on both sides.
    """

    n_baseline: IntArray
    n_current: IntArray
    effect: FloatArray
    defined: MaskArray

    @classmethod
    def of(cls, n_baseline: IntArray, n_current: IntArray, rho: Correlation, fields: int) -> Sizes:
        """Return the sizes; a baseline of one group serves all groups."""
        before, now = np.broadcast_arrays(n_baseline, n_current)
        effect = np.asarray(1 + (np.maximum(now, 1) - 1) * rho, np.float64)
        enough = (before >= max(BASELINE_ROWS_PER_FIELD * fields, 4)) & (now >= max(ROWS_PER_FIELD * fields, 4))
        return cls(before, now, np.broadcast_to(effect, now.shape), enough)

    @property
    def m(self) -> FloatArray:
        """The baseline's rows as they divide, at least 1."""
        return np.maximum(self.n_baseline, 1).astype(np.float64)

    @property
    def n(self) -> FloatArray:
        """The current window's rows as they divide, at least 1."""
        return np.maximum(self.n_current, 1).astype(np.float64)

    @property
    def noise(self) -> FloatArray:
        """The sampling noise (1/n + 1/m) times the design effect."""
        return np.asarray((1 / self.n + 1 / self.m) * self.effect)

    def score(
        self,
        score: FloatArray,
        *,
        noise_floor: FloatArray,
        lower_bound: FloatArray,
        p_value: FloatArray,
        **more: Any,
    ) -> Score:
        """Return the Score of these numbers, all NaN (and without direction) for groups that are not defined.

        A score that is NaN says that its group is not defined either.
        """
        defined = self.defined & np.isfinite(score)
        if more.get("contributions") is not None:
            more["contributions"] = np.where(defined[:, None], more["contributions"], np.nan)
        if more.get("direction") is not None:
            more["direction"] = np.where(defined, more["direction"], 0).astype(np.int64)
        return Score(
            score=np.where(defined, score, np.nan),
            noise_floor=np.where(defined, noise_floor, np.nan),
            lower_bound=np.where(defined, lower_bound, np.nan),
            p_value=np.where(defined, p_value, np.nan),
            n_baseline=np.asarray(self.n_baseline),
            n_current=np.asarray(self.n_current),
            **more,
        )
