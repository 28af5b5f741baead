"""Maximum mean discrepancy: whether a group's joint distribution changed in any way, by random Fourier features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import special

from monitor.accumulators.fourier import Fourier, FourierSpec
from monitor.detectors import settings
from monitor.detectors.group_settings import MinRows, Sizes
from monitor.intervals import CONFIDENCE
from monitor.spec import Spec
from monitor.types import Correlation, FloatArray, Score


class MmdSpec(Spec):
    """Maximum mean discrepancy of a group's rows by random Fourier features: any change of the joint distribution."""

    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/flights}
        fields:
          distance: {type: number}
          air_time: {type: number}
        groups:
          - name: trip
            fields: [distance, air_time]
            drift:
              - {kind: mmd, features: 256, warning: 0.05, critical: 0.15}
    """

    kind: Literal["mmd"] = "mmd"
    warning: settings.WarningAbove = 0.05
    critical: settings.CriticalAbove = 0.15
    level_on: settings.LevelOn = "bound"
    min_rows: MinRows = 50
    rho: settings.Rho = None
    features: Annotated[int, Field(ge=32, le=4_096, multiple_of=2)] = Field(
        default=256, description="numbers kept a segment and window; more of them see finer changes"
    )

    def build(self) -> Mmd:
        """Return the detector."""
        return Mmd(self)


@dataclass(frozen=True)
class Mmd:
    """√max(0, MMD²), with MMD² the unbiased estimate of ‖E φ(x) - E φ(y)‖² from the mean features of both sides.

    φ are cosines and sines in random directions (`GroupFrame.fourier`), so that φ(x)·φ(y) is about a Gaussian kernel
    whose length is the median distance of two baseline rows; MMD is between 0 and √2. A mean that moves by 1 standard
    deviation gives 0.36 in a group of two fields and 0.25 in one of five, by 0.2 it gives 0.07 and 0.05; a correlation
    that grows from 0 to 0.6 gives 0.10 and 0.05. With fewer than 5 baseline rows or 2 current rows a field the score is
    NaN. There are no contributions: the distance is not a sum over fields.

    No drift: the squared distance Q of the mean features is a mixture of χ² with E[Q] = tr(Σ)·(1/n + 1/m), known from
    the lengths of the mean features themselves. Its second and third cumulant are those of the group's baseline rows,
    at most 1000 of them, and the three together give the law (a shifted, scaled χ²; Buckley & Eagleson 1988). The floor
    is √(s·0.4) with s the standard deviation of MMD².

    Guarantee: `lower_bound` √Q - √q, q the 95 % quantile of that law, exceeds the true distance in at most about 5 % of
    windows (3–7 % measured without drift), and in fewer the larger the distance is: the triangle inequality is
    conservative.
    Source: Gretton et al., A kernel two-sample test (2012); Rahimi & Recht, Random features (2007).
    """

    spec: MmdSpec

    def needs(self, group: str, fields: tuple[str, ...]) -> FourierSpec:
        """Return the Spec of the features compared."""
        return FourierSpec(group=group, fields=fields, features=self.spec.features)

    def compare(self, baseline: Fourier, current: Fourier, rho: Correlation = 0.0) -> Score:
        """Return the discrepancy in every group."""
        d = len(baseline.frame.fields)
        sizes = Sizes.of(baseline.n, current.n, settings.correlation(self.spec.rho, rho), d)
        before, now = baseline.mean, current.mean
        traces_before, traces_now = _trace(before, sizes.m), _trace(now, sizes.n)
        first = (traces_before / sizes.m + traces_now / sizes.n) * sizes.effect
        squared = np.square(now - before).sum(axis=1)
        law = _Mixture.of(first, _shapes(baseline, len(squared)))
        unbiased = np.maximum(squared - first, 0.0)
        return sizes.score(
            np.sqrt(unbiased),
            noise_floor=np.sqrt(0.4 * law.deviation),
            lower_bound=np.minimum(np.maximum(np.sqrt(squared) - np.sqrt(law.quantile), 0.0), np.sqrt(unbiased)),
            p_value=law.above(squared),
        )


@dataclass(frozen=True, eq=False)
class _Mixture:
    """A sum of weighted χ²: mean, standard deviation, and the degrees of freedom of the χ² of its shape."""

    mean: FloatArray
    deviation: FloatArray
    freedom: FloatArray

    @classmethod
    def of(cls, mean: FloatArray, shapes: FloatArray) -> _Mixture:
        """Return the law of the mean and of the second and third power sums of its weights, which sum to 1."""
        second, third = shapes[:, 0], shapes[:, 1]
        return cls(mean, mean * np.sqrt(2 * second), second**3 / third**2)

    @property
    def quantile(self) -> FloatArray:
        """What it stays below with a probability of 0.95."""
        deviate = special.chdtri(self.freedom, 1 - CONFIDENCE) - self.freedom
        return np.asarray(self.mean + self.deviation * deviate / np.sqrt(2 * self.freedom))

    def above(self, values: FloatArray) -> FloatArray:
        """Return the probability of such a value or a larger one; 1 where nothing varies."""
        width = np.where(self.deviation > 0, self.deviation, 1.0)
        statistic = self.freedom + (values - self.mean) / width * np.sqrt(2 * self.freedom)
        return np.where(self.deviation > 0, special.chdtrc(self.freedom, np.maximum(statistic, 0.0)), 1.0)


def _trace(mean: FloatArray, rows: FloatArray) -> FloatArray:
    """Return the trace of the features' covariance, from the length of their mean: each row's length is 1."""
    left = np.clip(1 - np.square(mean).sum(axis=1), 0.0, 1.0)
    return np.asarray(left * rows / np.maximum(rows - 1, 1))


def _shapes(baseline: Fourier, groups: int) -> FloatArray:
    """Return the power sums of the mixture's weights (groups x 2); those of one direction where nobody knows them."""
    known = baseline.frame.mixture
    shapes = known if len(known) == groups else known[:1] if len(known) else np.ones((1, 2))
    return np.broadcast_to(np.maximum(shapes, 1e-6), (groups, 2))
