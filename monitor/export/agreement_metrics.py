"""How far annotators agree, of every check of kind `agreement` that judged the last window."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from monitor.export.declaration import Declared, Row
from monitor.snapshot import Snapshot


def _detail(name: str, snapshot: Snapshot) -> Iterable[Row]:
    """Return a number behind the outcome of each of these checks, where it is known."""
    found = (check for check in snapshot.checks if "rated_units" in check.details)
    return [((check.check,), check.details.get(name)) for check in found]


def _agreement(name: str, detail: str, what: str) -> Declared:
    return Declared("Agreement of annotators", name, "gauge", what, ("check",), partial(_detail, detail))


AGREEMENT: Final = (
    _agreement(
        "driftline_agreement_alpha",
        "alpha",
        "Krippendorff's alpha of the items that were rated in the last window; absent while unknown.",
    ),
    _agreement("driftline_agreement_alpha_lower", "alpha_lower", "Lower end of alpha's bootstrap interval."),
    _agreement("driftline_agreement_alpha_upper", "alpha_upper", "Upper end of alpha's bootstrap interval."),
    _agreement(
        "driftline_agreement_ratio", "agreement_ratio", "Share of the pairs of ratings of one item that are equal."
    ),
    _agreement(
        "driftline_agreement_kappa",
        "kappa",
        "Cohen's kappa of pairs of annotators, averaged by the items that both rated.",
    ),
    _agreement("driftline_agreement_units", "rated_units", "Items of the last window with two ratings or more."),
    _agreement(
        "driftline_agreement_left_out", "left_out", "Ratings of the last window left out because too many waited."
    ),
)
