"""What a budget says in words: reasons of verdicts, and what an alert tells about its evidence."""

from __future__ import annotations

from typing import Final

from monitor.budget_views import BudgetEvidence
from monitor.printable import iso, printable

PAGED: Final = "evidence beyond budget"
"""The reason of a verdict whose stream alarmed, and whose effect is beyond its tolerance."""
SMALL: Final = "evidence without effect"
CALM: Final = "ok"
CALIBRATING: Final = "calibrating"
RESEMBLING: Final = "too autocorrelated"
UNWATCHED: Final = "over max_streams"
REASONS: Final = (CALM, PAGED, SMALL, CALIBRATING, RESEMBLING, UNWATCHED)
"""Every reason that a budget gives; two of them go on with numbers."""
_NAME_CHARS = 60


def stream_name(key: tuple[str, str, str]) -> str:
    """Return a stream as `psi of amount in country=DE`."""
    detector, field, segment = key
    of = f" of {printable(field, _NAME_CHARS)}" if field else ""
    return f"{detector}{of}" + (f" in {printable(segment, _NAME_CHARS)}" if segment else "")


def evidence_words(said: BudgetEvidence) -> str:
    """Return what an alert says of its evidence."""
    since = "" if said.onset_ms is None else f"; probably since {iso(said.onset_ms) or said.onset_ms}"
    also = f"; also moved: {', '.join(said.also)}" if said.also else ""
    return f"Evidence {said.ratio:.3g} times what the budget asks for{since}{also}"
