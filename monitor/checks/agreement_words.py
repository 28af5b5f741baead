"""What is said of a window's agreement: the numbers of its line, and a sentence of who and what disagrees."""

from __future__ import annotations

import numpy as np

from monitor.checks.agreement_labels import Labels
from monitor.checks.agreement_measures import Agreement, Annotators
from monitor.types import FloatArray

_IN_WORDS = 3
_IN_NUMBERS = 10


def numbers_of(found: Agreement, annotators: Annotators, labels: Labels) -> dict[str, float]:
    """Return every number behind a finding, by name; of classes, annotators and pairs the ten worst."""
    common = annotators.common.sum()
    known = ~np.isnan(annotators.kappa)
    weights = annotators.common[known]
    numbers = {
        "agreement_ratio": found.agreement,
        "kappa": float((annotators.kappa[known] * weights).sum() / weights.sum()) if weights.size else float("nan"),
        "pairable_ratings": found.ratings,
        "classes": float(found.labels.size),
        "annotators": float(annotators.ids.size),
        "pairs": float(annotators.common.size if common else 0),
    }
    for place in _worst(found.class_alpha, _IN_NUMBERS):
        numbers[f"class_alpha.{labels.label(int(found.labels[place]))}"] = float(found.class_alpha[place])
    for place in _worst(annotators.id_alpha, _IN_NUMBERS):
        who = labels.annotator(int(annotators.ids[place]))
        numbers[f"annotator_alpha.{who}"] = float(annotators.id_alpha[place])
        numbers[f"annotator_agreement_ratio.{who}"] = float(annotators.id_same[place])
    for place in _worst(annotators.alpha, _IN_NUMBERS):
        pair = _pair(annotators, place, labels)
        numbers[f"pair_alpha.{pair}"] = float(annotators.alpha[place])
        numbers[f"pair_kappa.{pair}"] = float(annotators.kappa[place])
        numbers[f"pair_agreement_ratio.{pair}"] = float(annotators.same[place])
    return numbers


def evidence_of(found: Agreement, annotators: Annotators, labels: Labels) -> str:
    """Return who agrees least with the others, which two least with each other, and which labels are mixed up."""
    parts = []
    ids = [
        f"{labels.annotator(int(annotators.ids[i]))} (alpha {annotators.id_alpha[i]:.2f}, "
        f"{annotators.id_same[i]:.0%} of {annotators.id_common[i]} equal)"
        for i in _worst(annotators.id_alpha, _IN_WORDS)
    ]
    if ids:
        parts.append(f"Agree least with the others: {', '.join(ids)}")
    pairs = [
        f"{_pair(annotators, i, labels)} (alpha {annotators.alpha[i]:.2f}, {annotators.same[i]:.0%} equal)"
        for i in _worst(annotators.alpha, _IN_WORDS)
    ]
    if pairs:
        parts.append(f"with each other: {', '.join(pairs)}")
    mixed = [
        f"{labels.label(int(found.labels[a]))} and {labels.label(int(found.labels[b]))} ({share:.0%})"
        for a, b, share in found.confused[:_IN_WORDS]
    ]
    if mixed:
        parts.append(f"most of the disagreement is between {', '.join(mixed)}")
    return "; ".join(parts)


def _pair(annotators: Annotators, place: int, labels: Labels) -> str:
    names = sorted(labels.annotator(int(side[place])) for side in (annotators.one, annotators.other))
    return " | ".join(names)


def _worst(scores: FloatArray, most: int) -> list[int]:
    """Return the places of the smallest scores, the smallest first; NaN is none."""
    order = np.argsort(scores, kind="stable")[:most].tolist()
    return [place for place in order if not np.isnan(scores[place])]
