"""The field must be in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from monitor.checks.naming import CheckName, MaxFailureRatio, named
from monitor.spec import Spec
from monitor.types import Batch, MaskArray, Presence


class RequiredSpec(Spec):
    """Fails a row whose record lacks the field; null counts as there."""

    kind: Literal["required"] = "required"
    field: str
    name: CheckName = Field(default_factory=named("required"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Literal["warning", "critical"] = "warning"

    def build(self) -> Required:
        """Return the check."""
        return Required(self)


@dataclass(frozen=True)
class Required:
    """Fails rows where the field is absent; evaluates every row. Raises KeyError when no column is that field's."""

    spec: RequiredSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        presence = batch.columns[self.spec.field].presence
        return presence == Presence.ABSENT, np.ones(len(presence), np.bool_)
