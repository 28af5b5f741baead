"""Checks are row predicates and window expectations with a tolerance; one file each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.checks.allowed import AllowedSpec
from monitor.checks.building import UnfitFiles, row_checks
from monitor.checks.compare import CompareSpec
from monitor.checks.contract import field_checks
from monitor.checks.empty import EmptySpec
from monitor.checks.fitting import Misfit, misfits
from monitor.checks.format import FormatSpec
from monitor.checks.freshness import FreshnessSpec
from monitor.checks.length import LengthSpec
from monitor.checks.missing import MissingSpec
from monitor.checks.nullable import NullableSpec
from monitor.checks.numeric_text import NumericTextSpec
from monitor.checks.outliers import OutliersSpec
from monitor.checks.placeholder import PlaceholderSpec
from monitor.checks.range import RangeSpec
from monitor.checks.ratio import failure_levels
from monitor.checks.reference import Reference
from monitor.checks.referential import ReferentialSpec
from monitor.checks.regex import RegexSpec
from monitor.checks.required import RequiredSpec
from monitor.checks.sql import SqlSpec
from monitor.checks.text import TextSpec
from monitor.checks.time_unit import TimeUnitSpec
from monitor.checks.time_zone import TimeZoneSpec
from monitor.checks.type import TypeSpec
from monitor.checks.volume import VolumeSpec

RowCheckSpec = Annotated[
    RequiredSpec
    | NullableSpec
    | MissingSpec
    | TypeSpec
    | RangeSpec
    | AllowedSpec
    | EmptySpec
    | PlaceholderSpec
    | RegexSpec
    | FormatSpec
    | LengthSpec
    | NumericTextSpec
    | TextSpec
    | OutliersSpec
    | ReferentialSpec
    | CompareSpec
    | TimeUnitSpec
    | TimeZoneSpec
    | FreshnessSpec
    | SqlSpec,
    Field(discriminator="kind"),
]
"""Every check of rows: what it builds has `failures(batch)`."""

CheckSpec = Annotated[
    RequiredSpec
    | NullableSpec
    | MissingSpec
    | TypeSpec
    | RangeSpec
    | AllowedSpec
    | EmptySpec
    | PlaceholderSpec
    | RegexSpec
    | FormatSpec
    | LengthSpec
    | NumericTextSpec
    | TextSpec
    | OutliersSpec
    | ReferentialSpec
    | CompareSpec
    | TimeUnitSpec
    | TimeZoneSpec
    | FreshnessSpec
    | SqlSpec
    | VolumeSpec,
    Field(discriminator="kind"),
]
"""Every check that can be configured; a new one is a file and a line here."""

__all__ = [
    "AllowedSpec",
    "CheckSpec",
    "CompareSpec",
    "EmptySpec",
    "FormatSpec",
    "FreshnessSpec",
    "LengthSpec",
    "Misfit",
    "MissingSpec",
    "NullableSpec",
    "NumericTextSpec",
    "OutliersSpec",
    "PlaceholderSpec",
    "RangeSpec",
    "Reference",
    "ReferentialSpec",
    "RegexSpec",
    "RequiredSpec",
    "RowCheckSpec",
    "SqlSpec",
    "TextSpec",
    "TimeUnitSpec",
    "TimeZoneSpec",
    "TypeSpec",
    "UnfitFiles",
    "VolumeSpec",
    "failure_levels",
    "field_checks",
    "misfits",
    "row_checks",
]
