"""How evenly the classes of a field are spread, of every check of kind `balance`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from monitor.export.declaration import Declared, Row
from monitor.snapshot import Snapshot


def _detail(name: str, snapshot: Snapshot) -> Iterable[Row]:
    """Return a number behind the outcome of each of these checks in each segment, where it is finite."""
    found = (check for check in snapshot.checks if "effective_classes" in check.details)
    return [((check.check, check.segment), check.details.get(name)) for check in found]


def _balance(name: str, detail: str, what: str) -> Declared:
    return Declared("Balance of classes", name, "gauge", what, ("check", "segment"), partial(_detail, detail))


BALANCE: Final = (
    _balance(
        "driftline_balance_effective_classes",
        "effective_classes",
        "Effective number of classes, exp of the entropy of their shares in the last window.",
    ),
    _balance(
        "driftline_balance_simpson_classes",
        "simpson_classes",
        "Effective number of classes by Simpson, 1 / sum of squared shares.",
    ),
    _balance(
        "driftline_balance_imbalance",
        "imbalance",
        "How many times as many rows the most frequent class has as the rarest; absent where one has none.",
    ),
    _balance(
        "driftline_balance_tail_ratio", "tail_ratio", "Share of the rows in classes below the check's tail_below each."
    ),
)
