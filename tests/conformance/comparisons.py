"""Which number of which tool is compared with which of Driftline, and by what convention they are the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from monitor.types import FloatArray
from tests.conformance import conventions as by
from tests.conformance import with_scipy
from tests.conformance.cases import Case, cases
from tests.conformance.ours import Pair, kept, on_cuts, value_by_value
from tests.conformance.recorded import answers

Which = Literal["all", "numbers", "categories"]
OWN = "own"
SCIPY = "scipy"
TOLERANCE = 1e-9
FLOAT32 = 6e-8
"""Half a unit in the last place of a float32, relatively: what is lost when a number is reported as one."""
MANY, NAN, TWO, WHOLE = "many rows", "with NaN", "two values", "whole shares"
SMALL = ("beyond", "few rows")
"""The cases that whylogs' sketches hold exactly: 1024 rows at most."""


@dataclass(frozen=True)
class Comparison:
    """One statistic of one peer on one kind of input: `own`, where the cells are the peer's, or Driftline's cells."""

    kind: str
    peer: str
    convention: Callable[[str, Pair], float]
    given: str
    statistic: str = ""
    own_cells: str = ""
    which: Which = "all"
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    tolerance: float = TOLERANCE
    scipy: Callable[[Pair], float] | None = None

    def names(self) -> tuple[str, ...]:
        """Return the cases it is about."""
        wanted = {"all": (True, False), "numbers": (True,), "categories": (False,)}[self.which]
        found = tuple(name for name, case in cases().items() if case.numbers in wanted and name not in self.without)
        return self.only or found

    def pair(self, name: str) -> Pair:
        """Return what our side is computed from: Driftline's own cells, or the peer's."""
        return peer_cells(self.peer, self.own_cells, name) if self.given == OWN else kept(cases()[name])

    def sides(self, name: str) -> tuple[float, float]:
        """Return our number, by the peer's convention, and the peer's."""
        pair = self.pair(name)
        if self.scipy is not None:
            return self.convention(self.kind, pair), self.scipy(pair)
        theirs = answers(self.peer).value(name, self.given, self.statistic or self.kind)
        return self.convention(self.kind, pair), theirs

    def differences(self) -> Mapping[str, float]:
        """Return by case how far the two are apart; p-values by their logarithms."""
        measure = apart_in_logarithm if self.is_p_value else apart
        return {name: measure(*self.sides(name)) for name in self.names()}

    @property
    def is_p_value(self) -> bool:
        """Whether the number is a p-value, small ones of which are to be equal too."""
        return self.statistic.endswith("_p")


def apart(ours: float, theirs: float) -> float:
    """Return the difference, relative where theirs is above 1; what is not finite equals only itself, NaN nothing."""
    if ours == theirs:
        return 0.0
    difference = abs(ours - theirs) / max(1.0, abs(theirs))
    return difference if math.isfinite(difference) else math.inf


def apart_in_logarithm(ours: float, theirs: float) -> float:
    """Return how far the logarithms of two p-values are apart."""
    if ours == theirs:
        return 0.0
    return apart(math.log(ours), math.log(theirs)) if min(ours, theirs) > 0 else math.inf


@cache
def peer_cells(peer: str, cells: str, name: str) -> Pair:
    """Return a case on the cells of a peer, by the name of its counts or of a way to make cells of values.

    Where the peer's counts are exact the case is counted anew by Driftline's histogram, on the peer's cuts.
    """
    case = cases()[name]
    if cells in _OF_VALUES:
        return _OF_VALUES[cells](case)
    edges, before, now = answers(peer).counts(name, cells)
    return Pair.of_counts(before, now) if np.isnan(edges).all() or peer == "whylogs" else _recounted(case, peer, edges)


def _every_value(case: Case) -> Pair:
    """Return the case on a grid with a cut at every value."""
    return on_cuts(case, np.unique(np.concatenate(case.usable))[1:])


def _widths(case: Case) -> Pair:
    """Return the counts in 10,000 equal widths of the reference, as NannyML has them from 10,000 rows on."""
    pair = on_cuts(case, _equal_widths(case)[1:-1])
    return Pair.of_counts(pair.baseline.counts[0], pair.current.counts[0])


def _right_edges(case: Case) -> Pair:
    """Return the case with every value at the right edge of its width, where NannyML's distance has it."""
    edges = _equal_widths(case)
    sides = (edges[1:][np.searchsorted(edges[1:-1], side, side="right")] for side in case.usable)
    return _every_value(Case(True, *(tuple(side.tolist()) for side in sides)))


def _equal_widths(case: Case) -> FloatArray:
    return np.histogram_bin_edges(case.usable[0], bins=10_000)


_OF_VALUES: Mapping[str, Callable[[Case], Pair]] = {
    "values": value_by_value,
    "grid": _every_value,
    "widths": _widths,
    "right edges": _right_edges,
}


def _recounted(case: Case, peer: str, edges: FloatArray) -> Pair:
    """Return the case counted on the lower edges of a peer's cells; Evidently's first and last hold all the rest.

    NannyML's last cell is what lies beyond its edges, on either side; here these are two cells.
    """
    cuts = edges[1:] if peer == "evidently" else np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
    return on_cuts(case, cuts)


def _both(kind: str, peer: str, convention: Callable[[str, Pair], float], **rest: Any) -> tuple[Comparison, ...]:
    """Return the comparisons on Driftline's cells and on the peer's own; settings with `own_` are of the latter."""
    ours = {"given": "cells", **{key: x for key, x in rest.items() if not key.startswith("own_")}}
    own = {**ours, "given": OWN, "own_cells": "divergences"}
    own |= {key if key == "own_cells" else key.removeprefix("own_"): x for key, x in rest.items() if "own_" in key}
    return Comparison(kind, peer, convention, **ours), Comparison(kind, peer, convention, **own)


def _with_scipy(kind: str, function: Callable[[Pair], float], **rest: Any) -> Comparison:
    """Return the comparison with scipy on Driftline's cells."""
    convention = rest.pop("convention", by.as_it_is)
    return Comparison(kind, SCIPY, convention, "cells", scipy=function, **rest)


_NUMBERS: Mapping[str, Any] = {"which": "numbers", "own_which": "numbers"}
_STEPS: Mapping[str, Any] = {"given": "steps", "own_cells": "values", **_NUMBERS}
_MEANS: Mapping[str, Any] = {"given": "means", "own_cells": "grid", **_NUMBERS}
_VALUES: Mapping[str, Any] = {"own_cells": "values", "own_which": "categories"}

COMPARISONS: tuple[Comparison, ...] = (
    _with_scipy("psi", with_scipy.psi),
    *_both("psi", "evidently", by.evidently_psi),
    _with_scipy("kl", with_scipy.kl),
    *_both("kl", "evidently", by.evidently_kl),
    _with_scipy("js", with_scipy.js, convention=by.distance),
    *_both("js", "evidently", by.distance_in_nats),
    *_both("js", "nannyml", by.distance),
    _with_scipy("hellinger", with_scipy.hellinger),
    *_both("hellinger", "evidently", by.as_it_is, own_cells="hellinger", own_which="numbers"),
    Comparison("hellinger", "evidently", by.as_it_is, OWN, own_cells="divergences", which="categories"),
    *_both("hellinger", "nannyml", by.as_it_is),
    Comparison("hellinger", "whylogs", by.as_it_is, OWN, own_cells="hellinger", which="numbers"),
    _with_scipy("tv", with_scipy.tv),
    Comparison("tv", "evidently", by.as_it_is, "cells"),
    _with_scipy("ks", with_scipy.ks, which="numbers"),
    *_both("ks", "nannyml", by.as_it_is, own_without=(MANY,), **_STEPS),
    Comparison("ks", "nannyml", by.as_it_is, OWN, own_cells="widths", only=(MANY,)),
    *_both("ks", "alibi-detect", by.as_it_is, own_without=(NAN,), tolerance=FLOAT32, **_STEPS),
    Comparison("ks", "whylogs", by.as_it_is, "steps", only=SMALL),
    Comparison("ks", "whylogs", by.as_it_is, OWN, own_cells="ks", which="numbers"),
    _with_scipy("ks", with_scipy.ks_limit, convention=by.p_value, statistic="ks_p", which="numbers"),
    *_both("ks", "evidently", by.finite_sample_p, statistic="ks_p", only=(MANY,), **_STEPS),
    _with_scipy("wasserstein", with_scipy.wasserstein, convention=by.in_units_of_the_value, which="numbers"),
    *_both("wasserstein", "evidently", by.in_standard_deviations, **_MEANS),
    *_both("wasserstein", "nannyml", by.in_units_of_the_value, without=(MANY,), **_MEANS),
    Comparison("wasserstein", "nannyml", by.in_units_of_the_value, OWN, own_cells="right edges", only=(MANY,)),
    _with_scipy("chi2", with_scipy.chi2),
    *_both("chi2", "nannyml", by.contingency, which="categories", without=(TWO,), **_VALUES),
    *_both("chi2", "alibi-detect", by.contingency, without=(TWO,), tolerance=FLOAT32, **_VALUES),
    _with_scipy("chi2", with_scipy.chi2_p, convention=by.p_value, statistic="chi2_p"),
    *_both("chi2", "evidently", by.one_sample_p, statistic="chi2_p", own_which="categories"),
    *_both("chi2", "whylogs", by.one_sample_p, statistic="chi2_p", only=(WHOLE,), **_VALUES),
)
"""Every pair of numbers that is the same once the convention is."""
