"""What the Specs of checks have in common: the name a check goes by and the failures it tolerates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

CheckedField = Annotated[str, Field(description="path of the field, one of `fields`")]
CheckName = Annotated[str, Field(min_length=1, description="the check's name on metrics and alerts")]
MaxFailureRatio = Annotated[
    float,
    Field(ge=0, le=1, allow_inf_nan=False, description="share of evaluated rows that may fail"),
]
Severity = Annotated[Literal["warning", "critical"], Field(description="level of the check while too much fails")]


def named(suffix: str) -> Callable[[Mapping[str, Any]], str]:
    """Return a default factory that names a check after its field, such as `amount.required`."""

    def name(data: Mapping[str, Any]) -> str:
        return f"{data.get('field', '')}.{suffix}"

    return name
