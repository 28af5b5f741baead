"""The section of docs/compare.md that says where our drift numbers are those of others, and where not and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.conformance import conventions as by
from tests.conformance import differences
from tests.conformance.cases import cases
from tests.conformance.comparisons import COMPARISONS, FLOAT32, OWN, SCIPY, Comparison
from tests.conformance.ours import kept
from tests.conformance.recorded import PEERS, answers

PAGE = Path(__file__).parents[2] / "docs" / "compare.md"
BEGIN = "<!-- Written by `make conformance` from tests/data/conformance; a test compares the two. -->"
END = "<!-- The end of what `make conformance` writes. -->"
NAMES = {
    SCIPY: "scipy",
    "evidently": "Evidently",
    "nannyml": "NannyML",
    "alibi-detect": "alibi-detect",
    "whylogs": "whylogs",
}

_WORDS = {
    by.as_it_is: "the same number",
    by.p_value: "the same number",
    by.distance: "its root",
    by.distance_in_nats: "the root of js · ln 2",
    by.evidently_psi: "without half counts, 0.0001 in empty cells",
    by.evidently_kl: "without half counts, 0.0001 in empty cells, sides swapped",
    by.in_units_of_the_value: "times the interquartile range",
    by.in_standard_deviations: "times the interquartile range, over the standard deviation",
    by.finite_sample_p: "by the law of so many rows",
    by.contingency: "the statistic that has our p-value",
    by.one_sample_p: "with a baseline of very many rows",
}
_LISTED = {
    "psi": ("shifted", ("psi", "", "")),
    "kl": ("shifted", ("kl", "", "")),
    "js": ("shifted", ("js", "js", "")),
    "hellinger": ("shifted", ("hellinger", "hellinger", "", "hellinger")),
    "ks": ("shifted", ("", "ks", "ks", "ks")),
    "ks, p-value": ("shifted", ("ks_p", "", "ks_p", "ks_p")),
    "wasserstein": ("shifted", ("wasserstein", "wasserstein", "")),
    "chi2": ("shops", ("", "chi2", "chi2", "chi2")),
    "chi2, p-value": ("shops", ("chi2_p", "", "chi2_p", "chi2_p")),
}


def rewrite() -> None:
    """Put the section as it should be into the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{section()}\n{END}{rest.split(END)[1]}")


def committed() -> str:
    """Return the section as it is in the page; raises ValueError where the marks are missing."""
    _, rest = PAGE.read_text().split(BEGIN)
    text, _ = rest.split(END)
    return text.strip("\n") + "\n"


def section() -> str:
    """Return the section as the cached answers and our code give it."""
    versions = ", ".join(f"{NAMES[peer]} {answers(peer).version}" for peer in PEERS)
    return "\n".join(
        [
            _wrapped(
                f"Compared are scipy, {versions}, on {len(cases())} pairs of samples, {len(differences.numbers())} of "
                "them of numbers. Where a row has fewer than it could have, the differences below say why.",
                "",
            ),
            "",
            *_table(("Detector", "Tool", "Driftline's number becomes theirs", "On our cells", "On theirs"), _equal()),
            "",
            "As the tools come, with their own cells and conventions:",
            "",
            *_table(("Detector", "Pair", "Driftline", *(NAMES[peer] for peer in PEERS)), _as_they_come()),
            "",
            "What is different on purpose, and why:",
            "",
            *(_wrapped(paragraph) for paragraph in differences.paragraphs()),
            "",
        ]
    )


def _equal() -> Iterator[Sequence[str]]:
    """Yield a row for each statistic of each tool."""

    def key(comparison: Comparison) -> tuple[str, str, str]:
        return comparison.kind, comparison.statistic, comparison.peer

    for (kind, statistic, peer), found in groupby(COMPARISONS, key):
        several = list(found)
        words = _WORDS[several[0].convention]
        detector = f"`{kind}`, p-value" if statistic.endswith("_p") else f"`{kind}`"
        ours, theirs = ([c for c in several if (c.given == OWN) is own] for own in (False, True))
        yield detector, NAMES[peer], words, _agreement(ours), _agreement(theirs)


def _agreement(comparisons: Sequence[Comparison]) -> str:
    """Return in how many pairs the numbers are equal, or the largest difference where they are not."""
    if not comparisons:
        return "–"
    found = [difference for each in comparisons for difference in each.differences().values()]
    tolerance = comparisons[0].tolerance
    worst = max(found)
    if worst > tolerance:
        return f"**{worst:.1g}**"
    return f"{len(found)}, < {'6e-8' if tolerance == FLOAT32 else '1e-9'}"


def _as_they_come() -> Iterator[Sequence[str]]:
    """Yield a row for each statistic with what every tool says of one pair."""
    for title, (name, statistics) in _LISTED.items():
        kind, p_value = title.split(",")[0], title.endswith("p-value")
        ours = by.p_value(kind, kept(cases()[name])) if p_value else kept(cases()[name]).score(kind)
        theirs = [answers(peer).value(name, OWN, s) if s else None for peer, s in _by_peer(statistics)]
        label = f"`{kind}`, p-value" if p_value else f"`{kind}`"
        yield label, f"*{name}*", _number(ours), *("–" if x is None else _number(x) for x in theirs)


def _by_peer(statistics: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(PEERS, [*statistics, ""][: len(PEERS)], strict=True)


def _wrapped(text: str, bullet: str = "- ") -> str:
    """Return a paragraph in lines of the width that the pages have."""
    return textwrap.fill(
        text,
        120,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _number(number: float) -> str:
    return f"{number:.4g}" if number > 1e-4 else f"{number:.1e}"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
