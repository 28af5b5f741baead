"""The bars of issue 9 as figures: what was promised, and what the worst of the results says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tests.bench.figures import Bar
from tests.bench.verdicts import results

Rows = Sequence[Mapping[str, str]]
_EVIDENCE, _PAGES = "driftline, evidence", "driftline"
SHUFFLED, WEEKS, MADE = "shuffled", "weeks", "as made"


def bars(stored: Mapping[str, Rows]) -> list[Bar]:
    """Return every bar; false pages by null and by what counts as one, the worst stream of each."""
    return [*_false_pages(stored[results.FALSE_PAGES]), *_faults(stored[results.DELAYS]), *_cost(stored[results.COST])]


def _false_pages(rows: Rows) -> Iterator[Bar]:
    for contender, what in ((_EVIDENCE, "alarms of the evidence"), (_PAGES, "pages")):
        for null in (SHUFFLED, MADE, WEEKS):
            own = [row for row in rows if (row["contender"], row["null"]) == (contender, null)]
            if own:
                worst = max(own, key=lambda row: float(row["high"]))
                name = f"false {what} per promised one, {null}: upper end of 95 %, worst stream ({worst['stream']})"
                yield Bar(name, 1.5, float(worst["high"]), "×", least=False)
    slots = {
        null: sum(int(row["slots"]) for row in rows if (row["contender"], row["null"]) == (_EVIDENCE, null))
        for null in dict.fromkeys(row["null"] for row in rows)
    }
    if slots:
        yield Bar("thousand armed slots without a change, null with the fewest", 20.0, min(slots.values()) / 1000, "")


def _faults(rows: Rows) -> Iterator[Bar]:
    for contender, what in ((_EVIDENCE, "evidence alone"), (_PAGES, "pages")):
        own = [row for row in rows if (row["contender"], row["severity"]) == (contender, "medium")]
        if own:
            runs = np.array([int(row["runs"]) for row in own])
            soon = np.array([float(row["within_50"]) for row in own])
            first = np.array([float(row["first"] or 0) for row in own])
            yield Bar(f"medium faults within 50 slots, {what}", 95, 100 * float((soon * runs).sum() / runs.sum()), "%")
            medians = float(np.median([float(row["median"]) for row in own]))
            yield Bar(f"median delay of medium faults, {what}, middle stream", 10, medians, "slots", least=False)
            paged = float((first * runs).sum() / runs.sum())
            yield Bar(f"right column named first, medium faults, {what}", 90, 100 * paged, "%")


def _cost(rows: Rows) -> Iterator[Bar]:
    wanted = {"slot of 1,000 streams": (2.0, "ms CPU"), "state of a stream": (10.0, "KB")}
    for row in rows:
        if row["what"] in wanted:
            most, unit = wanted[row["what"]]
            yield Bar(row["what"], most, float(row["value"]), unit, least=False)
