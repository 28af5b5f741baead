"""Fitting the ruler of a group of numeric fields to the baseline's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import distance

from monitor.accumulators.group_frame import GroupFrame
from monitor.segments import Segmenter
from monitor.types import Column, FloatArray, Groups, IntArray, MaskArray

Rows = Callable[[Iterable[str]], Iterator[Mapping[str, Column]]]
"""The baseline's rows: yields the columns of the fields asked for, block by block, the same each time."""

KEPT_SHARE = 0.7
"""Principal components are kept until they hold this share of the standardised fields' variance."""

NEARLY_ONE = 1 - 1e-4
"""A correlation beyond is taken for this: what is left of 1 is rounding."""

_TAIL = 0.001
_FARTHEST = 50.0
_QUARTILES_OF_NORMAL = 1.349
_ROWS_PICKED = 1_000
_FOLDS = 8
_ROUNDING = 1e-9


@dataclass(frozen=True)
class NumberGroup:
    """A group as configured: its name and fields, the Fourier features kept of it (0: none), and whether rows are."""

    name: str
    fields: tuple[str, ...]
    features: int = 0
    sampled: bool = False


def group_frame(group: NumberGroup, rows: Rows, segmenter: Segmenter) -> GroupFrame:
    """Return the frame of a group from all rows in which each of its fields has a usable value.

    Without such rows it leaves values as they are. Values are limited to the 0.1 and 99.9 % quantiles, and to 50
    robust standard deviations (interquartile range / 1.349) from the median where that is not 0. Principal components
    are those of the correlation matrix; the first are kept up to 70 % of the variance, one at least and never all.
    Equal rows give equal frames.
    """
    masks = [_complete(columns) for columns in rows(group.fields)]
    n = sum(int(np.count_nonzero(mask)) for mask in masks)
    if not n:
        return GroupFrame.plain(group.fields, group.features, sampled=group.sampled)
    limits = [_limits(np.concatenate(_usable(rows, path, masks))) for path in group.fields]
    low, high, centre, scale = (np.array(part) for part in zip(*limits, strict=True))
    simple = GroupFrame(
        group.fields, group.features, low=low, high=high, centre=centre, scale=scale, residual=np.zeros((low.size, 0))
    )
    picked = _picked(_groups(rows, masks, segmenter), n)
    wanted = np.unique(np.concatenate(picked))
    moments = _moments(simple, rows, wanted)
    parts = [moments.sample[np.searchsorted(wanted, part)] for part in picked]
    covariance = moments.folds.sum(axis=0)
    residual = _left_over(covariance)
    frame = replace(
        simple,
        residual=residual,
        spread=_spread(covariance, moments.squares, moments.cubes),
        bandwidth=_bandwidth(parts[0]),
        optimism=_optimism(moments.folds, residual),
        sampled=group.sampled,
    )
    if not group.features:
        return frame
    return replace(frame, mixture=np.array([_shape(frame.fourier(part)) for part in parts]))


def _complete(columns: Mapping[str, Column]) -> MaskArray:
    mask: MaskArray = np.logical_and.reduce([column.ok for column in columns.values()])
    return mask


def _usable(rows: Rows, path: str, masks: list[MaskArray]) -> list[FloatArray]:
    return [columns[path].values[mask] for columns, mask in zip(rows([path]), masks, strict=True)]


def _limits(values: FloatArray) -> tuple[float, float, float, float]:
    """Return lowest and highest value that is let through, and mean and standard deviation of the values so limited.

    Everything is computed with half the values, for the distance between -1e308 and 1e308 is not a float64.
    """
    halves = values / 2
    low, first, middle, third, high = np.quantile(halves, [_TAIL, 0.25, 0.5, 0.75, 1 - _TAIL], method="linear")
    reach = _FARTHEST * ((third / _QUARTILES_OF_NORMAL) - (first / _QUARTILES_OF_NORMAL))
    if 0 < reach < np.inf:
        low, high = max(low, middle - reach), min(high, middle + reach)
    limited = np.clip(halves, low, high)
    unit = max(float(np.abs(limited).max()), np.finfo(float).tiny)
    centre = float((limited / unit).mean()) * unit
    scale = float(np.sqrt(np.square(limited / unit - centre / unit).mean())) * unit
    # What is left over of a constant after rounding is no spread.
    scale = scale if scale > 1e-14 * unit and scale > np.finfo(float).tiny else 0.5
    return float(low * 2), float(high * 2), centre * 2, min(scale * 2, np.finfo(float).max)


def _groups(rows: Rows, masks: list[MaskArray], segmenter: Segmenter) -> Groups:
    """Return the groups of all complete rows."""
    if not segmenter.dimensions:
        return Groups()
    paths = [dimension.field for dimension in segmenter.dimensions]
    found = [segmenter.groups(columns).take(mask) for columns, mask in zip(rows(paths), masks, strict=True)]
    return Groups(segmenter.size, tuple(np.concatenate(part) for part in zip(*(g.codes for g in found), strict=True)))


def _picked(groups: Groups, n: int) -> list[IntArray]:
    """Return at most 1000 of each group's rows, evenly spread over them."""
    found: list[IntArray] = [np.arange(n)] + [np.zeros(0, np.int64)] * (groups.size - 1)
    for codes in groups.codes:
        order = np.argsort(codes, kind="stable")
        present, starts = np.unique(codes[order], return_index=True)
        for group, part in zip(present.tolist(), np.split(order, starts[1:]), strict=True):
            found[group] = part
    return [rows[np.linspace(0, rows.size - 1, min(rows.size, _ROWS_PICKED)).astype(np.int64)] for rows in found]


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of the standardised rows: Σzzᵀ/n of every eighth (8 x d x d), mean z²(z²)ᵀ and z³zᵀ (d x d), and some rows."""

    folds: FloatArray
    squares: FloatArray
    cubes: FloatArray
    sample: FloatArray


def _moments(frame: GroupFrame, rows: Rows, wanted: IntArray) -> _Moments:
    """Return the moments of the standardised complete rows, whose mean is 0, and the wanted ones of them."""
    d = len(frame.fields)
    sample, before = [], 0
    folds, squares, cubes = np.zeros((_FOLDS, d, d)), np.zeros((d, d)), np.zeros((d, d))
    for columns in rows(frame.fields):
        matrix, _ = frame.standardised([columns[path] for path in frame.fields])
        for fold in range(_FOLDS):
            part = np.ascontiguousarray(matrix[(fold - before) % _FOLDS :: _FOLDS])
            folds[fold] += part.T @ part
        squared = np.square(matrix)
        squares += squared.T @ squared
        cubes += (squared * matrix).T @ matrix
        start, stop = np.searchsorted(wanted, [before, before + len(matrix)])
        sample.append(matrix[wanted[start:stop] - before])
        before += len(matrix)
    return _Moments(folds / before, squares / before, cubes / before, np.concatenate(sample))


def _spread(covariance: FloatArray, squares: FloatArray, cubes: FloatArray) -> FloatArray:
    """Return n·Var(atanh r) of each pair by the delta method, at least (μ40·μ04)^¼ / √3.

    With standardised moments μ of the pair, n·Var(r) = μ22 + r²/4·(μ40 + μ04 + 2·μ22) - r·(μ31 + μ13). Where tails are
    heavy, μ22 itself is a poor estimate; the least value is the geometric mean of 1, which normal values have, and of
    √(μ40·μ04) / 3, which those have whose extremes come together (elliptical distributions).
    """
    r = np.clip(covariance, -NEARLY_ONE, NEARLY_ONE)
    fourth = np.diagonal(squares)
    variance = squares + r**2 / 4 * (fourth[:, None] + fourth + 2 * squares) - r * (cubes + cubes.T)
    heavy = np.sqrt(np.sqrt(fourth[:, None] * fourth) / 3)
    spread = np.maximum(variance / (1 - r**2) ** 2, np.maximum(heavy, 1.0))
    return np.where(np.eye(len(r), dtype=bool), 1.0, (spread + spread.T) / 2)


def _left_over(covariance: FloatArray, kept: int | None = None) -> FloatArray:
    """Return an orthonormal basis of what the kept principal components leave over (d x r)."""
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    if kept is None:
        varying = int(np.count_nonzero(np.diagonal(covariance) > 0))
        shares = np.cumsum(values) / max(float(values.sum()), np.finfo(float).tiny)
        kept = max(1, min(int(np.searchsorted(shares, KEPT_SHARE)) + 1, varying - 1))
    left = vectors[:, kept:]
    signs = np.sign(left[np.argmax(np.abs(left), axis=0), np.arange(left.shape[1])])
    return np.ascontiguousarray(left * signs)


def _optimism(folds: FloatArray, residual: FloatArray) -> float:
    """Return by what share of itself the residual variance is too small on the rows that the components were fitted to.

    It is what eight-fold cross-validation leaves over beyond what components fitted to all rows do. The components of
    each seven eighths are those of their own correlations: the variance that they lack is just what the rest has.
    """
    covariance = folds.sum(axis=0)
    kept = len(covariance) - residual.shape[1]
    within = _outside(covariance, residual)
    without = sum(_outside(fold, _left_over(_correlations(covariance - fold), kept)) for fold in folds)
    return max(0.0, without / within - 1) if within > _ROUNDING else 0.0


def _correlations(covariance: FloatArray) -> FloatArray:
    variances = np.diagonal(covariance)
    inverse = 1 / np.sqrt(np.where(variances > 0, variances, 1.0))
    return covariance * inverse[:, None] * inverse


def _outside(covariance: FloatArray, basis: FloatArray) -> float:
    return float(np.einsum("ir,ij,jr->", basis, covariance, basis, optimize=True))


def _bandwidth(sample: FloatArray) -> float:
    """Return the median distance of two of the rows, the mean one where that is 0, and 1 where all are equal."""
    if len(sample) < 2:
        return 1.0
    distances = distance.pdist(sample)
    return float(np.median(distances)) or float(distances.mean()) or 1.0


def _shape(features: FloatArray) -> tuple[float, float]:
    """Return tr(Σ²)/tr(Σ)² and tr(Σ³)/tr(Σ)³ of the covariance of some rows; 1 and 1 where they do not vary."""
    centred = features - features.mean(axis=0) if len(features) else features
    gram = centred @ centred.T
    total = float(np.trace(gram))
    if not total > 1e-9 * len(features):
        return 1.0, 1.0
    gram /= total
    return float(np.square(gram).sum()), float(((gram @ gram) * gram).sum())
