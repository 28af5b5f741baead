"""What a measurement says: tables of numbers with their units, and bars that were met or missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plot:
    """How a table is drawn: column `y` against column `x`."""

    x: str
    y: str


@dataclass(frozen=True)
class Table:
    """Rows of one measurement. `n` says of how many records, turns or windows; `units` has a unit for each column.

    A column without a unit (empty) is text or a name.
    """

    name: str
    title: str
    n: str
    units: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    plots: Sequence[Plot] = ()


@dataclass(frozen=True)
class Bar:
    """A promise and what was measured: `wanted` is at least or at most so much (`least`)."""

    what: str
    wanted: float
    measured: float
    unit: str
    least: bool = True

    @property
    def met(self) -> bool:
        """Whether it was met."""
        return self.measured >= self.wanted if self.least else self.measured <= self.wanted


@dataclass(frozen=True)
class Section:
    """Everything that one part of the benchmark found, with remarks in plain words."""

    tables: Sequence[Table]
    bars: Sequence[Bar] = ()
    remarks: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return it as the JSON file keeps it."""
        return asdict(self)

    @staticmethod
    def of(stored: Mapping[str, Any]) -> Section:
        """Return what `stored` was made from."""
        tables = [Table(**{**table, "plots": [Plot(**plot) for plot in table["plots"]]}) for table in stored["tables"]]
        return Section(tables, [Bar(**bar) for bar in stored["bars"]], stored["remarks"], stored["versions"])
