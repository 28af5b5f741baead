"""The differences that are deliberate: the text of differences.md with the numbers that the cases give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

from tests.conformance import conventions as by
from tests.conformance import with_scipy
from tests.conformance.cases import cases
from tests.conformance.comparisons import MANY, NAN, OWN, TWO, peer_cells
from tests.conformance.ours import kept
from tests.conformance.recorded import answers

_TEXT = Path(__file__).with_name("differences.md")
_HEAVY, _FEW = "heavy tails", "few rows"


def paragraphs() -> Iterator[str]:
    """Yield each difference as one line of Markdown."""
    facts = {**_of_cells(), **_of_values(), **_of_chi2(), **_of_rows()}
    for paragraph in _TEXT.read_text().removeprefix("- ").split("\n- "):
        yield " ".join(paragraph.split()).format(**facts)


def numbers() -> tuple[str, ...]:
    """Return the names of the cases of numbers."""
    return tuple(name for name, case in cases().items() if case.numbers)


def exact_ks(name: str) -> float:
    """Return scipy's statistic of the usable values themselves."""
    return float(stats.ks_2samp(*cases()[name].usable, method="asymp").statistic)


def ks_loss(name: str) -> tuple[float, float]:
    """Return how much `ks` on the grid falls short of the exact statistic, and the most it may."""
    pair = kept(cases()[name])
    heaviest = max((counts / counts.sum()).max() for counts in pair.cells("ks"))
    return exact_ks(name) - pair.score("ks"), float(heaviest)


def wasserstein_loss(name: str) -> float:
    """Return how far the distance of the cells' means is from that of the usable values, as a share of the latter."""
    exact = stats.wasserstein_distance(*cases()[name].usable)
    return float(abs(with_scipy.wasserstein(kept(cases()[name])) - exact) / exact)


def ks_p_values(name: str) -> tuple[float, float]:
    """Return the p-value of `ks` and Evidently's, both of the same cells."""
    return by.p_value("ks", kept(cases()[name])), answers("evidently").value(name, "steps", "ks_p")


def _of_cells() -> dict[str, float]:
    """Return what concerns smoothing and the choice of cells."""
    found = {}
    for short, name in ("few", _FEW), ("shifted", "shifted"):
        found[f"psi_{short}"] = peer_cells("evidently", "divergences", name).score("psi")
        found[f"evidently_psi_{short}"] = answers("evidently").value(name, OWN, "psi")
    for short, name in ("heavy", _HEAVY), ("unseen", "unseen"):
        found[f"psi_{short}"] = kept(cases()[name]).score("psi")
        found[f"evidently_psi_{short}"] = answers("evidently").value(name, OWN, "psi")
    counts = answers("evidently").counts(_HEAVY, "divergences")[1]
    return {**found, "evidently_heaviest": counts.max() / counts.sum()}


def _of_values() -> dict[str, float]:
    """Return what concerns the distances that look at values."""
    ks_p, theirs = max((ks_p_values(name) for name in numbers()), key=lambda both: abs(both[0] - both[1]))
    return {
        "ks_loss_few": ks_loss(_FEW)[0],
        "ks_loss": max(ks_loss(name)[0] for name in numbers() if name != _FEW),
        "ks_p": ks_p,
        "evidently_ks_p": theirs,
        "wasserstein_loss": max(wasserstein_loss(name) for name in numbers() if name != _HEAVY),
        "wasserstein_loss_heavy": wasserstein_loss(_HEAVY),
        "nannyml_wasserstein": answers("nannyml").value(MANY, OWN, "wasserstein"),
        "exact_wasserstein": float(stats.wasserstein_distance(*cases()[MANY].usable)),
        "whylogs_ks": answers("whylogs").value(MANY, OWN, "ks"),
        "exact_ks": exact_ks(MANY),
    }


def _of_chi2() -> dict[str, float]:
    """Return what concerns the test of two samples."""
    return {
        "chi2_p": by.p_value("chi2", kept(cases()["shops"])),
        "evidently_chi2_p": answers("evidently").value("shops", OWN, "chi2_p"),
        "one_sample_chi2_p": by.one_sample_p("chi2", kept(cases()["shifted"])),
        "whylogs_chi2_p": answers("whylogs").value("shifted", "cells", "chi2_p"),
        "contingency": by.contingency("chi2", kept(cases()[TWO])),
        "yates": answers("nannyml").value(TWO, OWN, "chi2"),
    }


def _of_rows() -> dict[str, float]:
    """Return what concerns rows without a usable value."""
    case = cases()[NAN]
    return {
        "rows": len(case.current),
        "not_finite": int((~np.isfinite(np.array(case.current))).sum()),
        "whylogs_nulls_p": answers("whylogs").value("with missing", OWN, "chi2_p"),
        "without_nulls_p": by.one_sample_p("chi2", kept(cases()["with missing"])),
    }
