"""What lies between two versions of a baseline: each field's distributions, compared on the first one's ruler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.accumulators import Frame, MomentsSpec, PresenceSpec
from monitor.accumulators.categories import Categories
from monitor.accumulators.hashing import hash_strings
from monitor.accumulators.histogram import Histogram
from monitor.baseline.model import Baseline
from monitor.baseline.specs import exact_specs
from monitor.detectors.ks import KolmogorovSmirnovSpec
from monitor.detectors.psi import PsiSpec
from monitor.detectors.tv import TotalVariationSpec
from monitor.types import FloatArray, IntArray

_SHOWN = 20
_CELLED = ("histogram", "categories", "words")


@dataclass(frozen=True)
class Side:
    """One version's numbers of a field; None where there is no such number."""

    rows: int
    missing_ratio: float | None
    invalid_ratio: float | None
    mean: float | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class FieldDiff:
    """One field in both versions; a side is None where the version does not have it.

    `psi`, `ks` and `tv` compare the values of all rows. `exact` is False where the second version's were counted on
    other cuts: then its distribution function is interpolated between them, and its values beyond its dictionary
    cannot be told apart. `added` and `removed` are values that only one of the dictionaries has, at most 20.
    """

    field: str
    type: str
    before: Side | None
    after: Side | None
    psi: float | None = None
    ks: float | None = None
    tv: float | None = None
    exact: bool = True
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    cuts_differ: bool = with_default(default=False)


def diff(a: Baseline, b: Baseline) -> list[FieldDiff]:
    """Return the difference of two versions, field by field, in the order of their names."""
    return [_field(path, a, b) for path in sorted(a.fields.keys() | b.fields.keys())]


def _field(path: str, a: Baseline, b: Baseline) -> FieldDiff:
    kind = a.fields.get(path) or b.fields[path]
    before, after = _side(path, a), _side(path, b)
    if a.fields.get(path) != b.fields.get(path):
        return FieldDiff(path, kind, before, after, exact=False)
    one, other = a.frames.get(path), b.frames.get(path)
    if one is None or other is None:
        return FieldDiff(path, kind, before, after)
    numeric = kind in ("number", "integer")
    spec: Any = next(spec for spec in exact_specs(path, kind) if getattr(spec, "kind", "") in _CELLED)
    reference, current = a.profile.accumulators[spec], b.profile.accumulators[spec]
    differ = one.digest != other.digest
    if differ:
        current = (_numbers if numeric else _categories)(one, current)
    scores = {"psi": PsiSpec(), "tv": TotalVariationSpec()} | ({"ks": KolmogorovSmirnovSpec()} if numeric else {})
    found: Mapping[str, float | None] = {name: _score(s, reference, current) for name, s in scores.items()}
    known, now = set(one.categories), set(other.categories)
    return FieldDiff(
        path,
        kind,
        before,
        after,
        **found,
        exact=not differ,
        added=tuple(value for value in other.categories if value not in known)[:_SHOWN],
        removed=tuple(value for value in one.categories if value not in now)[:_SHOWN],
        cuts_differ=differ,
    )


def _score(spec: Any, reference: Any, current: Any) -> float | None:
    """Return a detector's score of all rows, None where it is not defined."""
    score = float(spec.build().compare(_whole(reference), current).score[0])
    return None if np.isnan(score) else score


def _whole(accumulator: Any) -> Any:
    """Return the accumulator with the group of all rows alone."""
    alone = type(accumulator)(accumulator.frame, 1)
    alone.counts = accumulator.counts[:1].copy()
    return alone


def _numbers(frame: Frame, found: Histogram) -> Histogram:
    """Return counts on `frame` of a histogram on other cuts, its distribution function drawn straight between them."""
    total = int(found.counts[0].sum())
    ends = (found.frame.low, *found.frame.grid.tolist(), found.frame.high)
    below = np.concatenate(([0], np.cumsum(found.counts[0])))
    places, index = np.unique(np.array(ends), return_index=True)
    # Of cuts at one place the last says how many values lie below what follows.
    shares: FloatArray = np.maximum.reduceat(below, index) if total else np.zeros(1)
    at = np.interp(frame.grid, places, shares, left=0.0, right=float(total)) if total else np.zeros(frame.grid.size)
    counts = np.diff(np.rint(at), prepend=0, append=total).astype(np.int64)
    projected = Histogram(frame, 1)
    projected.counts[0] = np.maximum(counts, 0)
    return projected


def _categories(frame: Frame, found: Categories) -> Categories:
    """Return counts on `frame` of categories of another dictionary; its tail and unseen ones stay what they are."""
    place = {value: i for i, value in enumerate(frame.categories)}
    projected = Categories(frame, 1)
    values, counts = found.frame.categories, found.counts[0]
    seen = frame.has_keys(hash_strings(pa.array(values, pa.string()))) if values else np.zeros(0, np.bool_)
    unseen, other = len(frame.categories), len(frame.categories) + 1
    cells: IntArray = np.array(
        [place.get(value, other if seen[i] else unseen) for i, value in enumerate(values)], np.int64
    )
    np.add.at(projected.counts[0], cells, counts[:-2])
    projected.counts[0, -2:] += counts[-2:]
    return projected


def _side(path: str, baseline: Baseline) -> Side | None:
    """Return one version's numbers of a field, None where it does not have it."""
    if path not in baseline.fields:
        return None
    accumulators: Mapping[Any, Any] = baseline.profile.accumulators
    presence = accumulators[PresenceSpec(field=path)]
    rows = int(presence.rows[0])
    moments = accumulators.get(MomentsSpec(field=path))
    numbers = {} if moments is None or not moments.n[0] else {n: float(getattr(moments, n)[0]) for n in _NUMBERS}
    share = [int(part[0]) / rows if rows else None for part in (presence.missing, presence.invalid)]
    return Side(rows, *share, **numbers)


_NUMBERS = ("mean", "min", "max")
