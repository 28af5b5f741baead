"""What the baseline froze for a group of numeric fields: winsor limits, scales, PCA basis and Fourier frequencies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import Column, FloatArray, MaskArray

_SEED = 20_130_101
_PLAIN_LIMIT = 1e6
_ARRAYS = ("low", "high", "centre", "scale", "residual", "spread", "mixture")


def _none(*shape: int) -> FloatArray:
    return np.zeros(shape)


@dataclass(frozen=True, eq=False)
class GroupFrame:
    """The ruler of d fields together, frozen with the baseline's version; current rows never move it.

    `low` and `high` (d): values beyond are taken for these. `centre` and `scale` (d): mean and standard deviation of
    the baseline's values so limited, 1 for a constant. `residual` (d x r): an orthonormal basis of what the kept
    principal components leave over; `optimism`: by what share of itself the baseline's residual variance is too small,
    since they were fitted to the same rows. `spread` (d x d): by how much the variance of each Fisher-transformed
    correlation exceeds that of normal values, at least 1. `bandwidth`: the kernel's length in standardised units.
    `mixture` (groups x 2): tr(Σ²)/tr(Σ)² and tr(Σ³)/tr(Σ)³ of the Fourier features' covariance Σ; without features
    empty. `sampled`: whether some of the rows themselves are kept, too.
    """

    fields: tuple[str, ...] = ()
    features: int = 0
    low: FloatArray = field(default_factory=lambda: _none(0))
    high: FloatArray = field(default_factory=lambda: _none(0))
    centre: FloatArray = field(default_factory=lambda: _none(0))
    scale: FloatArray = field(default_factory=lambda: _none(0))
    residual: FloatArray = field(default_factory=lambda: _none(0, 0))
    spread: FloatArray = field(default_factory=lambda: _none(0, 0))
    bandwidth: float = 1.0
    optimism: float = 0.0
    mixture: FloatArray = field(default_factory=lambda: _none(0, 2))
    sampled: bool = False

    @classmethod
    def plain(cls, fields: Sequence[str], features: int = 0, *, sampled: bool = False) -> GroupFrame:
        """Return a frame that leaves values up to a million as they are, for a group without baseline rows."""
        d = len(fields)
        return cls(
            tuple(fields),
            features,
            low=np.full(d, -_PLAIN_LIMIT),
            high=np.full(d, _PLAIN_LIMIT),
            centre=np.zeros(d),
            scale=np.ones(d),
            residual=np.zeros((d, 0)),
            spread=np.ones((d, d)),
            sampled=sampled,
        )

    def standardised(self, columns: Sequence[Column]) -> tuple[FloatArray, MaskArray | None]:
        """Return the complete rows (n x d), limited and standardised, and which they are; None: all of them.

        A row is complete when every field has a usable value. Half the differences are divided by half the scale, so
        that nothing overflows between -1e308 and 1e308.
        """
        complete = None
        if not all(column.all_ok for column in columns):
            complete = np.logical_and.reduce([column.ok for column in columns])
        rows = len(columns[0]) if complete is None else int(np.count_nonzero(complete))
        matrix = np.empty((rows, len(columns)))
        for place, column in enumerate(columns):
            values = column.values if complete is None else column.values[complete]
            limited = np.clip(values, self.low[place], self.high[place])
            limited /= 2
            limited -= self.centre[place] / 2
            limited /= self.scale[place] / 2
            matrix[:, place] = limited
        return matrix, complete

    def residuals(self, matrix: FloatArray) -> FloatArray:
        """Return the squared length of each standardised row outside the kept components (SPE, also called Q)."""
        outside = matrix @ self.residual
        return np.asarray(np.einsum("ij,ij->i", outside, outside))

    def fourier(self, matrix: FloatArray) -> FloatArray:
        """Return the features of each standardised row (n x features): √(2/features)·(cos Wx, sin Wx).

        The length of a row is 1, and the product of two rows is about exp(-‖x - y‖² / (2·bandwidth²)), with a standard
        error of at most 1/√features (Rahimi & Recht 2007).
        """
        half = self.features // 2
        # Single precision takes an eighth of the time, and its error of 1e-7 is the same for equal rows on both sides.
        angles = (matrix @ self.frequencies).astype(np.float32)
        out = np.empty((len(matrix), 2 * half))
        out[:, :half] = np.cos(angles)
        out[:, half:] = np.sin(angles, out=angles)
        out *= (1 / max(half, 1)) ** 0.5
        return out

    @cached_property
    def frequencies(self) -> FloatArray:
        """The directions W (d x features/2), normal numbers over the bandwidth.

        They are made of the raw bits of PCG64, whose stream is the same in every release, by the normal quantile.
        """
        d, half = len(self.fields), self.features // 2
        bits = np.random.PCG64(_SEED).random_raw(d * half) if d * half else np.zeros(0, np.uint64)
        uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        normal: FloatArray = special.ndtri(uniform).reshape(half, d).T
        return np.ascontiguousarray(normal / self.bandwidth)

    @cached_property
    def digest(self) -> str:
        """A short stable identity: frames with equal content have equal digests."""
        text = json.dumps(self.state(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def require_same(self, other: GroupFrame) -> None:
        """Raise ValueError unless the other frame has the same content."""
        if self is not other and self.digest != other.digest:
            raise ValueError("accumulators on different frames cannot be merged")

    def state(self) -> State:
        """Return the content as JSON-able values; floats survive JSON exactly."""
        rest = {"fields": list(self.fields), "features": self.features}
        rest |= {"bandwidth": self.bandwidth, "optimism": self.optimism}
        rest |= {"sampled": True} if self.sampled else {}  # frames without keep the digest that they always had
        return rest | {name: getattr(self, name).tolist() for name in _ARRAYS}

    @classmethod
    def of_state(cls, state: State) -> GroupFrame:
        """Return the frame that `state` describes; raises StoreError where it does not fit together."""
        try:
            fields = tuple(str(path) for path in state["fields"])
            arrays: dict[str, Any] = {name: np.array(state[name], np.float64) for name in _ARRAYS}
            d = len(fields)
            # an empty list does not say how wide it would be
            arrays["residual"] = arrays["residual"].reshape(d, -1)
            arrays["mixture"] = arrays["mixture"].reshape(-1, 2)
            arrays |= {name: float(state[name]) for name in ("bandwidth", "optimism")}
            frame = cls(fields, int(state["features"]), **arrays, sampled=bool(state.get("sampled", False)))
        except DAMAGE as error:
            raise StoreError(f"stored group is not usable: {error}; build the baseline again") from error
        if not frame._consistent():
            raise StoreError("stored group's limits, scales and basis do not fit; build the baseline again")
        return frame

    def _consistent(self) -> bool:
        """Return whether the parts fit each other, as far as counting on them needs it."""
        d = len(self.fields)
        if any(getattr(self, name).shape != (d,) for name in ("low", "high", "centre", "scale")):
            return False
        finite = all(np.isfinite(getattr(self, name)).all() for name in _ARRAYS) and np.isfinite(
            self.bandwidth + self.optimism
        )
        positive = (
            bool((self.scale > 0).all())
            and min(self.bandwidth, self.optimism + 1) > 0
            and bool((self.low <= self.high).all())
        )
        return d > 0 and self.spread.shape == (d, d) and self.residual.shape[1] <= d and bool(finite) and positive
