"""Outcomes of many runs in one row: shares and delays, by stream and severity, and by kind of fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from monitor.types import FloatArray
from tests.bench.verdicts.faults import AFTER, Case, Outcome

SOON = 50
_LEAST = 3


class Gathered:
    """What became of the faults of one stream."""

    def __init__(self, stream: str) -> None:
        """Start without a fault."""
        self._stream = stream
        self._outcomes: list[tuple[Case, dict[tuple[str, str], Outcome]]] = []

    def add(self, case: Case, outcomes: dict[tuple[str, str], Outcome]) -> None:
        """Take in one fault."""
        self._outcomes.append((case, outcomes))

    def delays(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each severity, contender and league: all kinds of faults together."""
        found: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
        for case, outcomes in self._outcomes:
            for (contender, league), outcome in outcomes.items():
                found[case.severity, contender, league].append(outcome)
        for (severity, contender, league), parts in found.items():
            yield {
                "stream": self._stream,
                "severity": severity,
                "contender": contender,
                "league": league,
                **_figures(parts),
            }

    def kinds(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each fault and contender, without the runs; hindsight is left out."""
        for case, outcomes in self._outcomes:
            for (contender, league), outcome in outcomes.items():
                if league == "hindsight":
                    continue
                yield {
                    "kind": case.kind,
                    "stream": self._stream,
                    "severity": case.severity,
                    "field": case.field if case.names != ("",) else "",
                    "amount": float(f"{case.amount:.3g}"),
                    "contender": contender,
                    "league": league,
                    "runs": outcome.delays.size,
                    "caught": int((outcome.delays <= SOON).sum()),
                    "median": _censored(outcome.delays, 0.5),
                    "first": int((outcome.places == 1).sum()),
                }


def _figures(parts: list[Outcome]) -> dict[str, Any]:
    delays, places, errors = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("delays", "places", "onset_errors")
    )
    paged = np.isfinite(delays)
    known = errors[np.isfinite(errors)]
    return {
        "runs": delays.size,
        "within_50": round(float((delays <= SOON).mean()), 4),
        "median": _censored(delays, 0.5),
        "p90": _censored(delays, 0.9),
        "first": round(float((places[paged] == 1).mean()), 4) if paged.any() else "",
        "among_three": round(float((places[paged] <= _LEAST).mean()), 4) if paged.any() else "",
        "onset_error": float(np.median(known)) if known.size else "",
    }


def _censored(delays: FloatArray, q: float) -> float:
    """Return a quantile of the delays; one that was not paged counts as 200 slots."""
    return float(np.quantile(np.minimum(delays, AFTER), q, method="higher"))
