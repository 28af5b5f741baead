"""Checks are row predicates and window expectations with a tolerance; one file each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.checks.allowed import AllowedSpec
from monitor.checks.contract import field_checks
from monitor.checks.nullable import NullableSpec
from monitor.checks.range import RangeSpec
from monitor.checks.ratio import failure_levels
from monitor.checks.required import RequiredSpec
from monitor.checks.type import TypeSpec
from monitor.checks.volume import VolumeSpec

RowCheckSpec = Annotated[
    RequiredSpec | NullableSpec | TypeSpec | RangeSpec | AllowedSpec,
    Field(discriminator="kind"),
]
"""Every check of rows: what it builds has `failures(batch)`."""

CheckSpec = Annotated[
    RequiredSpec | NullableSpec | TypeSpec | RangeSpec | AllowedSpec | VolumeSpec,
    Field(discriminator="kind"),
]
"""Every check that can be configured; a new one is a file and a line here."""

__all__ = [
    "AllowedSpec",
    "CheckSpec",
    "NullableSpec",
    "RangeSpec",
    "RequiredSpec",
    "RowCheckSpec",
    "TypeSpec",
    "VolumeSpec",
    "failure_levels",
    "field_checks",
]
