"""Checks are row predicates and window expectations with a tolerance; one file each."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from monitor.checks.agreement import Agreement, AgreementSpec
from monitor.checks.align import Align, AlignSpec
from monitor.checks.allowed import AllowedSpec
from monitor.checks.balance import BalanceSpec
from monitor.checks.building import UnfitFiles, row_checks
from monitor.checks.cardinality import CardinalitySpec
from monitor.checks.compare import CompareSpec
from monitor.checks.constant import ConstantSpec
from monitor.checks.contract import field_checks
from monitor.checks.duplicates import DuplicatesSpec
from monitor.checks.empty import EmptySpec
from monitor.checks.fitting import Misfit, misfits
from monitor.checks.foreign_key import ForeignKeySpec
from monitor.checks.format import FormatSpec
from monitor.checks.frequent import FrequentSpec
from monitor.checks.freshness import FreshnessSpec
from monitor.checks.late import LateSpec
from monitor.checks.length import LengthSpec
from monitor.checks.missing import MissingSpec
from monitor.checks.monotonic import MonotonicSpec
from monitor.checks.near_duplicates import NearDuplicatesSpec
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
from monitor.checks.schema import SchemaSpec
from monitor.checks.sequence import SequenceSpec
from monitor.checks.sql import SqlSpec
from monitor.checks.text import TextSpec
from monitor.checks.time_unit import TimeUnitSpec
from monitor.checks.time_zone import TimeZoneSpec
from monitor.checks.type import TypeSpec
from monitor.checks.uniqueness import UniquenessSpec
from monitor.checks.volume import VolumeSpec
from monitor.checks.window import Finding, WindowCheck, WindowView

_Row = (
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
    | CompareSpec
    | SqlSpec
    | DuplicatesSpec
    | NearDuplicatesSpec
    | MonotonicSpec
    | SequenceSpec
    | TextSpec
    | OutliersSpec
    | ReferentialSpec
    | ForeignKeySpec
    | TimeUnitSpec
    | TimeZoneSpec
    | FreshnessSpec
)
_Window = (
    VolumeSpec
    | LateSpec
    | SchemaSpec
    | UniquenessSpec
    | CardinalitySpec
    | FrequentSpec
    | ConstantSpec
    | BalanceSpec
    | AlignSpec
    | AgreementSpec
)

RowCheckSpec = Annotated[_Row, Field(discriminator="kind")]
"""Every check of rows: what it builds has `failures(batch)`."""

CheckSpec = Annotated[_Row | _Window, Field(discriminator="kind")]
"""Every check that can be configured; a new one is a file and a line here."""

WINDOW_CHECKS: tuple[type, ...] = get_args(_Window)
"""The Specs of checks of windows: what they build has `judge(view)`."""

PairingCheck = Align | Agreement
"""A check of windows that is shown rows as they are read, and remembers."""

PAIRING: tuple[type[Align], type[Agreement]] = (Align, Agreement)
"""What `PairingCheck` is one of, to be asked."""

__all__ = [
    "PAIRING",
    "WINDOW_CHECKS",
    "Agreement",
    "AgreementSpec",
    "Align",
    "AlignSpec",
    "AllowedSpec",
    "BalanceSpec",
    "CardinalitySpec",
    "CheckSpec",
    "CompareSpec",
    "ConstantSpec",
    "DuplicatesSpec",
    "EmptySpec",
    "Finding",
    "ForeignKeySpec",
    "FormatSpec",
    "FrequentSpec",
    "FreshnessSpec",
    "LateSpec",
    "LengthSpec",
    "Misfit",
    "MissingSpec",
    "MonotonicSpec",
    "NearDuplicatesSpec",
    "NullableSpec",
    "NumericTextSpec",
    "OutliersSpec",
    "PairingCheck",
    "PlaceholderSpec",
    "RangeSpec",
    "Reference",
    "ReferentialSpec",
    "RegexSpec",
    "RequiredSpec",
    "RowCheckSpec",
    "SchemaSpec",
    "SequenceSpec",
    "SqlSpec",
    "TextSpec",
    "TimeUnitSpec",
    "TimeZoneSpec",
    "TypeSpec",
    "UnfitFiles",
    "UniquenessSpec",
    "VolumeSpec",
    "WindowCheck",
    "WindowView",
    "failure_levels",
    "field_checks",
    "misfits",
    "row_checks",
]
