"""The classes of a field must be balanced enough to learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.accumulators import FrequentSpec
from monitor.checks.naming import CheckName, named
from monitor.checks.window import Finding, WindowView, graded
from monitor.spec import Spec
from monitor.types import FieldType, Level

_CAPACITY = 1024


class BalanceSpec(Spec):
    """Fails a window in which the classes of a field are too unevenly spread, in each segment.

    With class shares p: the rarest class' share min p; entropy ratio H(p)/ln k of k classes, 1 when all are equal;
    effective number of classes exp H(p). The classes are those listed, or those of the baseline, or those seen.
    """

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"category", "boolean", "integer", "text"})

    segmented: ClassVar[bool] = True
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
    min_rows: int = Field(default=100, ge=1, description="with fewer usable values nothing is judged")
    name: CheckName = Field(default_factory=named("balance"))
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    @model_validator(mode="after")
    def _something_is_bounded(self) -> Self:
        if self.min_class_ratio is None and self.min_entropy_ratio is None and self.min_effective_classes is None:
            raise ValueError("nothing is bounded; set min_class_ratio, min_entropy_ratio or min_effective_classes")
        return self

    def build(self) -> Balance:
        """Return the check."""
        return Balance(self)


@dataclass(frozen=True)
class Balance:
    """Judges exact counts of up to 1024 classes; with more, `too many classes` is unknown."""

    spec: BalanceSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Spec of the counted values."""
        return (FrequentSpec(field=self.spec.field, capacity=_CAPACITY),)

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
        shares = {name: count / max(rows, 1) for name, count in counts.items()}
        rarest = min(shares, key=lambda name: (shares[name], name), default="")
        return graded(counted.rows, group, self.spec, shares.get(rarest, 0.0), self._problem(shares, rarest))

    def _problem(self, shares: Mapping[str, float], rarest: str) -> str:
        spec = self.spec
        entropy = -math.fsum(share * math.log(share) for share in shares.values() if share)
        if spec.min_class_ratio is not None and shares.get(rarest, 0.0) < spec.min_class_ratio:
            return f"class {rarest[:64]!r} has only {shares.get(rarest, 0.0):.2%} of the rows"
        if spec.min_entropy_ratio is not None:
            ratio = entropy / math.log(len(shares)) if len(shares) > 1 else 0.0
            if ratio < spec.min_entropy_ratio:
                return f"the entropy of the classes is {ratio:.3f} of the largest possible"
        if spec.min_effective_classes is not None and math.exp(entropy) < spec.min_effective_classes:
            return f"{math.exp(entropy):.2f} effective classes"
        return ""
