"""The classes of a field must be balanced enough to learn from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from monitor.accumulators import CategoriesSpec, FrequentSpec
from monitor.checks.balance_measures import Spread, effective_change, tail_change
from monitor.checks.fitting import Misfit
from monitor.checks.naming import CheckName, named
from monitor.checks.window import Finding, WindowView, graded
from monitor.spec import Spec
from monitor.types import FieldType, IntArray, Level

_CAPACITY = 1024
_BOUNDS = (
    "min_class_ratio",
    "min_entropy_ratio",
    "min_effective_classes",
    "min_simpson_classes",
    "max_imbalance",
    "min_tail_ratio",
    "max_tail_ratio",
    "max_effective_change",
    "max_tail_change",
)


class BalanceSpec(Spec):
    """Fails a window in which the classes of a field are too unevenly spread, in each segment.

    With class shares p: the rarest class' share min p; entropy ratio H(p)/ln k of k classes, 1 when all are equal;
    effective number of classes exp H(p), or by Simpson 1/Σp²; imbalance max p/min p; the tail's share, of all classes
    with less than `tail_below` each. The classes are those listed, or those of the baseline, or those seen. A change
    from the baseline is judged by what of it is not chance, with 95 % confidence.
    """

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"category", "boolean", "integer", "text"})

    segmented: ClassVar[bool] = True
    exported: ClassVar[tuple[str, ...]] = ("effective_classes", "simpson_classes", "imbalance", "tail_ratio")
    example: ClassVar[str] = """
        fields:
          label: {type: category}
        checks:
          - {kind: balance, field: label, classes: [fraud, genuine], min_class_ratio: 0.002}
    """

    kind: Literal["balance"] = "balance"
    field: str = Field(description="the field that holds the class")
    classes: tuple[str, ...] | None = Field(
        default=None,
        min_length=2,
        max_length=_CAPACITY,
        description="all classes; a class without rows has a share of 0",
    )
    min_class_ratio: float | None = Field(
        default=None, gt=0, le=0.5, description="smallest share that the rarest class may have"
    )
    min_entropy_ratio: float | None = Field(
        default=None, gt=0, le=1, description="smallest entropy of the shares, relative to that of equal shares"
    )
    min_effective_classes: float | None = Field(
        default=None, gt=1, allow_inf_nan=False, description="smallest effective number of classes"
    )
    min_simpson_classes: float | None = Field(
        default=None, gt=1, allow_inf_nan=False, description="smallest effective number of classes by Simpson"
    )
    max_imbalance: float | None = Field(
        default=None,
        ge=1,
        allow_inf_nan=False,
        description="times as many rows as the rarest class that the most frequent one may have",
    )
    tail_below: float = Field(default=0.01, gt=0, le=0.5, description="a class with a smaller share is in the tail")
    min_tail_ratio: float | None = Field(default=None, gt=0, lt=1, description="smallest share of the tail")
    max_tail_ratio: float | None = Field(default=None, ge=0, lt=1, description="largest share of the tail")
    max_effective_change: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="by what ratio the effective number of classes may differ from the baseline's, 0.2 for a fifth",
    )
    max_tail_change: float | None = Field(
        default=None, gt=0, lt=1, description="by how much the share of the baseline's tail may differ from its own"
    )
    min_rows: int = Field(default=100, ge=1, description="with fewer usable values nothing is judged")
    name: CheckName = Field(default_factory=named("balance"))
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    @model_validator(mode="after")
    def _something_is_bounded(self) -> Self:
        if all(getattr(self, bound) is None for bound in _BOUNDS):
            raise ValueError(f"nothing is bounded; set {', '.join(_BOUNDS[:-1])} or {_BOUNDS[-1]}")
        return self

    @property
    def needs_baseline(self) -> bool:
        """Whether something is compared with the baseline."""
        return self.max_effective_change is not None or self.max_tail_change is not None

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield the field where a change is bounded and baselines do not count its values."""
        if self.needs_baseline and fields[self.field] not in ("category", "boolean"):
            message = f"{self.field} is of type {fields[self.field]}, of which a baseline has no classes"
            yield Misfit("field", message, "make it a category, or leave out max_effective_change and max_tail_change")

    def build(self) -> Balance:
        """Return the check."""
        return Balance(self)


@dataclass(frozen=True)
class Balance:
    """Judges exact counts of up to 1024 classes; with more, `too many classes` is unknown.

    Of the baseline, what lies beyond `limits.max_categories` counts as one class, and belongs to its tail.
    """

    spec: BalanceSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Spec of the counted values, and of the baseline's classes where they are compared."""
        counted = FrequentSpec(field=self.spec.field, capacity=_CAPACITY)
        return (counted, CategoriesSpec(field=self.spec.field)) if self.spec.needs_baseline else (counted,)

    def judge(self, view: WindowView) -> list[Finding]:
        """Return a finding for each group, its value the rarest class' share; unknown below `min_rows`."""
        counted = view.accumulators[self.needs({})[0]]
        return [self._finding(view, counted, group) for group in range(view.groups)]

    def _finding(self, view: WindowView, counted: Any, group: int) -> Finding:
        rows = int(counted.rows[group])
        if counted.errors[group]:
            return Finding(Level.UNKNOWN, "too many classes", None, rows, group)
        counts = dict.fromkeys(self.spec.classes or view.categories.get(self.spec.field, ()), 0)
        counts |= counted.counts[group]
        now = Spread(np.fromiter(counts.values(), np.int64, len(counts)))
        details = _details(now, self.spec.tail_below)
        rarest = min(counts, key=lambda name: (counts[name], name), default="")
        problem = next(self._problems(now, counts, rarest), "")
        if self.spec.needs_baseline and rows >= self.spec.min_rows:
            need = CategoriesSpec(field=self.spec.field)
            before = view.baseline.get(need) if view.baseline is not None else None
            if before is None or not before.counts[group].sum():
                if not problem:
                    return Finding(Level.UNKNOWN, "no baseline", None, rows, group, _finite(details))
            else:
                moved, changed = self._changes(now, before.counts[group], view.accumulators[need].counts[group])
                details |= changed
                problem = problem or moved
        share = counts[rarest] / max(rows, 1) if rarest else 0.0
        found = graded(counted.rows, group, self.spec, share, problem)
        return Finding(found.level, found.reason, found.value, rows, group, _finite(details) if rows else {})

    def _problems(self, now: Spread, counts: Mapping[str, int], rarest: str) -> Iterator[str]:
        """Yield what is wrong with the classes as they are."""
        spec, n = self.spec, max(now.rows, 1)
        share = counts[rarest] / n if rarest else 0.0
        if spec.min_class_ratio is not None and share < spec.min_class_ratio:
            yield f"class {rarest[:64]!r} has only {share:.2%} of the rows"
        if spec.min_entropy_ratio is not None and now.entropy_ratio < spec.min_entropy_ratio:
            yield f"the entropy of the classes is {now.entropy_ratio:.3f} of the largest possible"
        if spec.min_effective_classes is not None and now.effective < spec.min_effective_classes:
            yield f"{now.effective:.2f} effective classes"
        if spec.min_simpson_classes is not None and now.simpson < spec.min_simpson_classes:
            yield f"{now.simpson:.2f} effective classes by Simpson"
        if spec.max_imbalance is not None and now.imbalance > spec.max_imbalance:
            most = min(counts, key=lambda name: (-counts[name], name), default="")
            times = f"{now.imbalance:.4g} times as many" if math.isfinite(now.imbalance) else f"{counts.get(most, 0)}"
            yield f"class {most[:64]!r} has {times} rows, class {rarest[:64]!r} {counts.get(rarest, 0)}"
        tail = now.tail(spec.tail_below)
        if spec.min_tail_ratio is not None and tail < spec.min_tail_ratio:
            yield f"classes below {spec.tail_below:g} have only {tail:.2%} of the rows"
        if spec.max_tail_ratio is not None and tail > spec.max_tail_ratio:
            yield f"classes below {spec.tail_below:g} have {tail:.2%} of the rows"

    def _changes(self, now: Spread, before: IntArray, cells: IntArray) -> tuple[str, dict[str, float]]:
        """Return what differs too much from the baseline, and the numbers; both counts are in the baseline's cells."""
        spec, known = self.spec, Spread(before)
        ratio, sure = effective_change(now, known)
        # What the baseline did not count by name, unseen and other, is its tail.
        rare = known.shares < spec.tail_below
        rare[-2:] = True
        tails = (int(cells[rare].sum()), int(cells.sum())), (int(before[rare].sum()), int(before.sum()))
        moved, sure_moved = tail_change(*tails)
        numbers = {
            "baseline_effective_classes": known.effective,
            "effective_change": ratio,
            "baseline_tail_ratio": tails[1][0] / max(tails[1][1], 1),
            "tail_change": moved,
        }
        if spec.max_effective_change is not None and abs(sure) > spec.max_effective_change:
            return f"{now.effective:.2f} effective classes, {known.effective:.2f} in the baseline", numbers
        if spec.max_tail_change is not None and abs(sure_moved) > spec.max_tail_change:
            share = tails[0][0] / max(tails[0][1], 1)
            return (
                f"the baseline's tail has {share:.2%} of the rows, {numbers['baseline_tail_ratio']:.2%} before",
                numbers,
            )
        return "", numbers


def _details(now: Spread, below: float) -> dict[str, float]:
    """Return every number about the classes as they are."""
    return {
        "classes": float(now.counts.size),
        "effective_classes": now.effective,
        "simpson_classes": now.simpson,
        "entropy_ratio": now.entropy_ratio,
        "imbalance": now.imbalance,
        "tail_ratio": now.tail(below),
    }


def _finite(details: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers that there are."""
    return {name: number for name, number in details.items() if math.isfinite(number)}
