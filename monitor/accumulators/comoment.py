"""Means and covariances of a group of numeric fields, standardised, with the moments of the rows' residuals."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from monitor.accumulators.comoments import CoMoments
from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.group_frame import GroupFrame
from monitor.accumulators.grouping import group_sizes
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups, IntArray


class ComomentSpec(Spec):
    """Count, means and covariances of several number fields together."""

    kind: Literal["comoment"] = "comoment"
    group: str
    fields: tuple[str, ...] = Field(min_length=1)

    @property
    def frame_key(self) -> str:
        """The name under which the baseline keeps the group's frame."""
        return self.group

    def build(self, frame: GroupFrame | None, groups: int) -> Comoment:
        """Return an empty accumulator on the frame; one that leaves values as they are where there is none yet."""
        return Comoment(frame or GroupFrame.plain(self.fields), groups)


class Comoment:
    """Per group: `rows`, and of the complete ones `n`, `mean` (d) and `covariance` (d x d), standardised.

    Rows where a field has no usable value are left out. Values are limited to the frame's range first, so no row
    weighs more than an extreme one of the baseline. The squared residual of each row outside the frame's principal
    components is carried along as one more number: `spe` and `spe_variance` are its mean and sample variance.
    Guarantee: counts are exact, floats to about 1e-12 of themselves, however the rows were batched and merged.
    Memory: groups · (d + 1)² · 8 bytes.
    """

    def __init__(self, frame: GroupFrame, groups: int) -> None:
        """Start empty, with `groups` groups."""
        self.frame = frame
        self.rows: IntArray = np.zeros(groups, np.int64)
        self._moments = CoMoments(groups, len(frame.fields) + 1)
        self._roots: tuple[FloatArray, IntArray] | None = None

    @property
    def n(self) -> IntArray:
        """How many complete rows each group has."""
        return self._moments.n

    @property
    def mean(self) -> FloatArray:
        """The mean of the standardised fields (groups x d); NaN where there is no complete row."""
        return self._moments.mean[:, :-1]

    @property
    def covariance(self) -> FloatArray:
        """Their sample covariance (groups x d x d); NaN below two complete rows."""
        return self._moments.covariance[:, :-1, :-1]

    @property
    def spe(self) -> FloatArray:
        """The mean squared residual of a row, per group; NaN where there is no complete row."""
        return self._moments.mean[:, -1]

    @property
    def spe_variance(self) -> FloatArray:
        """The sample variance of the rows' squared residuals, per group; NaN below two complete rows."""
        return self._moments.covariance[:, -1, -1]

    def whitening(self) -> tuple[FloatArray, IntArray]:
        """Return W (groups x d x d) with W·covariance·Wᵀ = identity on its rank, and the rank of each group.

        The pseudo-inverse of the covariance is WᵀW. Fields that are constant in the group are left out, and so are
        directions in which the variance of the rest, each scaled to 1, is below 1e-8 of the largest: there the fields
        are collinear. The rows of W for those are 0. Computed once for as long as nothing is folded in.
        """
        if self._roots is None:
            self._roots = _whitening(np.where(np.isfinite(self.covariance), self.covariance, 0.0))
        return self._roots

    def update(self, columns: tuple[Column, ...], groups: Groups) -> None:
        """Fold the complete rows in; no row changes nothing."""
        n = len(columns[0])
        if not n:
            return
        self.rows += group_sizes(n, groups)
        matrix, complete = self.frame.standardised(columns)
        if len(matrix):
            both = np.column_stack((matrix, self.frame.residuals(matrix)))
            self._moments.update(both, groups if complete is None else groups.take(complete))
            self._roots = None

    def merge(self, other: Comoment) -> None:
        """Fold another one on the same frame and groups in; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        self.rows += other.rows
        self._moments.merge(other._moments)
        self._roots = None

    def scaled(self, weights: FloatArray) -> Comoment:
        """Return a new one of about `weights` (one a group) times the rows; means and covariances stay as they are."""
        scaled = Comoment(self.frame, len(self.rows))
        scaled.rows = np.rint(self.rows * weights).astype(np.int64)
        scaled._moments = self._moments.scaled(weights)
        return scaled

    def state(self) -> State:
        """Return copies of the counts and moments with the digest of the frame."""
        return {"frame": self.frame.digest, "rows": self.rows.copy(), **self._moments.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        rows = stored_array(state, "rows", self.rows)
        self._moments.load(state)
        self.rows, self._roots = rows, None


_CONSTANT = 1e-12
_COLLINEAR = 1e-8


def _whitening(covariance: FloatArray) -> tuple[FloatArray, IntArray]:
    variances = np.diagonal(covariance, axis1=1, axis2=2)
    used = variances > _CONSTANT
    inverse = np.where(used, 1 / np.sqrt(np.where(used, variances, 1.0)), 0.0)
    values, vectors = np.linalg.eigh(covariance * inverse[:, :, None] * inverse[:, None, :])
    kept = values > _COLLINEAR * np.maximum(values[:, -1:], _COLLINEAR)
    roots = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    whitening = roots[:, :, None] * vectors.transpose(0, 2, 1) * inverse[:, None, :]
    return whitening, kept.sum(axis=1).astype(np.int64)
