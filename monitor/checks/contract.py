"""The checks that follow from a field's contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from monitor.checks.allowed import AllowedSpec
from monitor.checks.nullable import NullableSpec
from monitor.checks.range import RangeSpec
from monitor.checks.required import RequiredSpec
from monitor.checks.type import TypeSpec

FieldCheckSpec = RequiredSpec | NullableSpec | TypeSpec | RangeSpec | AllowedSpec


def field_checks(
    path: str,
    *,
    required: bool = False,
    nullable: bool = True,
    range: tuple[float | None, float | None] | None = None,  # noqa: A002 - the key in the configuration
    allowed: Sequence[bool | float | str] | None = None,
    max_failure_ratio: float = 0.0,
    severity: Literal["warning", "critical"] = "warning",
) -> tuple[FieldCheckSpec, ...]:
    """Return the Specs of the checks of one field, named `path.required`, `path.nullable` and so on.

    Every field has a type, so it always has a type check; the rest only where the contract asks for it.
    The tolerance and severity are those of each of them.
    """
    common = {"field": path, "max_failure_ratio": max_failure_ratio, "severity": severity}
    checks: list[FieldCheckSpec] = []
    if required:
        checks.append(RequiredSpec.model_validate(common))
    if not nullable:
        checks.append(NullableSpec.model_validate(common))
    checks.append(TypeSpec.model_validate(common))
    if range is not None and range != (None, None):
        checks.append(RangeSpec.model_validate({**common, "min": range[0], "max": range[1]}))
    if allowed is not None:
        checks.append(AllowedSpec.model_validate({**common, "values": tuple(allowed)}))
    return tuple(checks)
