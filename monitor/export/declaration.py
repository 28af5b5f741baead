"""How a metric is declared: its name, kind, help, labels, and how its rows are read from a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from monitor.snapshot import DelayView, Snapshot

Kind = Literal["counter", "gauge", "histogram", "info"]
Row = tuple[tuple[str, ...], float | DelayView | None]
"""Label values (without `monitor`) and the value; None and NaN mean that there is no such series."""
Read = Callable[[Snapshot], Iterable[Row]]


@dataclass(frozen=True)
class Declared:
    """One exported metric. Every metric also has the label `monitor`, which is not listed in `labels`.

    `section` groups the generated documentation. A histogram's rows hold a DelayView, all others a float.
    """

    section: str
    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    read: Read
