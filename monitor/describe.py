"""Profiles in words and numbers for people: field statistics, cell labels, distributions, evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

import numpy as np

from monitor.accumulators.categories import Categories, CategoriesSpec
from monitor.accumulators.comoment import Comoment
from monitor.accumulators.histogram import Histogram, HistogramSpec
from monitor.accumulators.languages import LanguagesSpec
from monitor.accumulators.moments import Moments
from monitor.accumulators.presence import PresenceCounts
from monitor.accumulators.vector import Vectors
from monitor.accumulators.words import WordsSpec
from monitor.baseline import Baseline, BaselineView
from monitor.plan import MonitorPlan
from monitor.profile import Profile, frame_key
from monitor.rootcause import rank_segments
from monitor.segments import Segmenter
from monitor.snapshot import FieldView, ProfileView, SegmentPart
from monitor.types import FloatArray, IntArray, Presence

T = TypeVar("T")
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The quantiles that are exported."""
_SHOWN = 3
_MAX_CELLS_SHOWN = 50
_BUCKETS_SHOWN = 10


def number(value: Any) -> float | None:
    """Return a finite float, or None."""
    return float(value) if np.isfinite(value) else None


def field_views(plan: MonitorPlan, profile: Profile) -> tuple[FieldView, ...]:
    """Return every field's statistics in every segment; quantiles and distinct for all rows only.

    Mean, standard deviation and range of a vector field are those of the vectors' Euclidean norms.
    A group has rows and, as missing, the share of those in which one of its fields has no usable value.
    """
    by_field: dict[str, dict[str, Any]] = {}
    groups = []
    for spec, accumulator in profile.accumulators.items():
        if isinstance(accumulator, Comoment):
            groups += _group_views(plan, frame_key(spec), accumulator)
        if vars(spec).get("fields") is not None:
            continue
        by_field.setdefault(frame_key(spec), {})[spec.kind] = accumulator
    views = []
    for path, kinds in by_field.items():
        presence: PresenceCounts = kinds["presence"]
        moments = kinds["vector"].norms if "vector" in kinds else kinds.get("moments")
        numbers = () if moments is None else _numbers(moments)
        counts = (presence.rows.tolist(), presence.missing.tolist(), presence.invalid.tolist())
        sketched = _sketched(kinds)
        for segment, n, missing, invalid, *values in zip(plan.segmenter.shown, *counts, *numbers, strict=True):
            ratios = (missing / n, invalid / n) if n else (None, None)
            views.append(FieldView(path, segment, n, *ratios, *values, **sketched))
            sketched = {}
    nobody = plan.segmenter.nobody
    return tuple(view for view in (*views, *groups) if view.segment not in nobody)


def _group_views(plan: MonitorPlan, name: str, rows: Comoment) -> list[FieldView]:
    counts = zip(plan.segmenter.shown, rows.rows.tolist(), rows.n.tolist(), strict=True)
    return [FieldView(name, segment, n, (n - complete) / n if n else None, None) for segment, n, complete in counts]


def _numbers(moments: Moments) -> tuple[list[float | None], ...]:
    """Return mean, standard deviation, smallest and largest value, each of all groups; None where not finite."""
    arrays = (moments.mean, np.sqrt(moments.variance), moments.min, moments.max)
    return tuple(map(_finite, arrays))


def _finite(array: FloatArray) -> list[float | None]:
    """Return floats with None for what is not finite."""
    finite = np.isfinite(array)
    if finite.all():
        return array.tolist()  # type: ignore[no-any-return]
    return [value if fine else None for value, fine in zip(array.tolist(), finite.tolist(), strict=True)]


def _sketched(kinds: dict[str, Any]) -> dict[str, Any]:
    """Return distinct count and quantiles, as far as the field has them."""
    out: dict[str, Any] = {}
    if "distinct" in kinds:
        out["distinct"] = float(kinds["distinct"].estimate)
    if "quantiles" in kinds and kinds["quantiles"].n:
        values = kinds["quantiles"].quantiles(np.array(QUANTILES))
        out["quantiles"] = dict(zip(QUANTILES, values.tolist(), strict=True))
    return out


def cell_labels(accumulator: Any, buckets: int | None) -> tuple[str, ...]:
    """Return the name of each cell of `accumulator.cells(buckets)`; None: of the whole grid, uncut."""
    if isinstance(accumulator, Categories):
        return accumulator.frame.labels()
    if isinstance(accumulator, PresenceCounts):
        return tuple(presence.name.lower() for presence in Presence)
    if isinstance(accumulator, Vectors):
        return ("mean", "covariance")
    assert isinstance(accumulator, Histogram)
    frame = accumulator.frame
    cuts = frame.grid if buckets is None else frame.edges(buckets)
    if not cuts.size:
        return ("all",)
    names = [f"{cut:.6g}" for cut in cuts.tolist()]
    # A cut just above another one ends the cell of a single value; the next cell holds what is greater.
    single = [False, *(cuts[1:] == np.nextafter(cuts[:-1], np.inf)).tolist()]
    starts = [f"> {names[i - 1]}" if after else names[i] for i, after in enumerate(single)]
    inner = [f"{start} … {high}" for start, high in zip(starts, names[1:], strict=False)]
    named = [f"= {name}" if only else label for name, label, only in zip(names, inner, single[1:], strict=False)]
    return (f"< {names[0]}", *named, starts[-1] if single[-1] else f"≥ {names[-1]}")


def evidence(labels: tuple[str, ...], contributions: FloatArray) -> str:
    """Return the cells that explain most of a score, with their signed share of it.

    A plus sign: the cell holds more rows than in the baseline.
    """
    total = float(np.abs(contributions).sum())
    if not total or len(labels) != contributions.size:
        return ""
    order = np.argsort(-np.abs(contributions), kind="stable")[:_SHOWN]
    return "; ".join(f"{labels[i]}: {contributions[i] / total:+.0%}" for i in order.tolist())


def profile_views(
    plan: MonitorPlan, profile: Profile, baseline: BaselineView | None, moved: Collection[str] = ()
) -> tuple[ProfileView, ...]:
    """Return baseline and current shares per cell of every field that has a frame, in every segment.

    For the fields that `moved` it is also said which segments have what to do with it.
    """
    if baseline is None or baseline.unknown:
        return ()
    views = []
    known = baseline.accumulators.keys() - baseline.learning
    for spec, current in profile.accumulators.items():
        if not isinstance(current, Histogram | Categories) or spec not in known:
            continue
        reference: Any = baseline.accumulators[spec]
        before, now = reference.cells(_BUCKETS_SHOWN), current.cells(_BUCKETS_SHOWN)
        field, labels = frame_key(spec), _shown(cell_labels(current, _BUCKETS_SHOWN))
        parts = segment_parts(plan.segmenter, before, now) if field in moved else ()
        for segment, was, is_now in zip(plan.segmenter.shown, _shares(before), _shares(now), strict=True):
            views.append(ProfileView(field, segment, labels, _shown(was), _shown(is_now), () if segment else parts))
    nobody = plan.segmenter.nobody
    return tuple(view for view in views if view.segment not in nobody)


def field_cells(baseline: Baseline) -> dict[str, dict[str, float]]:
    """Return the share of all rows in each cell that detectors see, by field and label; at most 50 of them."""
    found = {}
    for spec, accumulator in baseline.profile.accumulators.items():
        if isinstance(spec, HistogramSpec | CategoriesSpec | WordsSpec | LanguagesSpec):
            labels, shares = cell_labels(accumulator, _BUCKETS_SHOWN), _shares(accumulator.cells(_BUCKETS_SHOWN)[:1])
            found[spec.field] = dict(zip(_shown(labels), _shown(shares[0]), strict=True))
    return found


def segment_parts(segmenter: Segmenter, before: IntArray, now: IntArray) -> tuple[SegmentPart, ...]:
    """Return what each segment of each dimension has to do with the change of all rows, from counts (groups x cells).

    What moved are the cells whose share of all rows grew; dimensions in their order, in each the first cause first.
    """
    parts: list[SegmentPart] = []
    moved = now[0] / max(int(now[0].sum()), 1) > before[0] / max(int(before[0].sum()), 1)
    for _, where in segmenter.dimension_groups:
        cause = rank_segments(before[where], now[where], moved)
        parts += (
            SegmentPart(segmenter.shown[where.start + s.number], s.power, s.surprise, s.mix, s.within, s.named)
            for s in cause.segments
        )
    return tuple(parts)


def _shown(cells: Sequence[T]) -> tuple[T, ...]:
    """Return at most `_MAX_CELLS_SHOWN` of the cells, the last two (the unseen and other values) among them."""
    if len(cells) <= _MAX_CELLS_SHOWN:
        return tuple(cells)
    return (*cells[: _MAX_CELLS_SHOWN - 2], *cells[-2:])


def _shares(counts: IntArray) -> list[list[float]]:
    """Return each group's cells as shares of its values."""
    shares: list[list[float]] = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).tolist()
    return shares
