"""The configuration of the continuous self-test."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from monitor.spec import DurationMs, Spec

StateFault = Literal["null_burst", "mean_shift", "unit_change", "new_category"]
"""The faults that can be made on what a window was counted to, without its rows."""


def _off(value: Any) -> Any:
    """Return None for off, which YAML reads as false."""
    return None if value is False or value == "off" else value


class SelfTestSpec(Spec):
    """How often copies of closed windows are doped, to see whether the monitor would still notice."""

    interval: Annotated[
        Annotated[DurationMs, Field(gt=0)] | None,
        BeforeValidator(_off),
    ] = Field(default=3_600_000, description="In this time every field is tested once; off or null: never.")
    faults: tuple[StateFault, ...] = Field(
        default=("null_burst", "mean_shift", "unit_change", "new_category"),
        min_length=1,
        description="The faults, each in the fields where something watches for it.",
    )
