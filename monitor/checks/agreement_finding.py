"""What a window's counted ratings amount to: the level, α and its interval, and who and what disagrees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from monitor.checks.agreement_labels import Labels
from monitor.checks.agreement_measures import labels_of, measure, measure_annotators, units_of
from monitor.checks.agreement_tally import Tally
from monitor.checks.agreement_words import evidence_of, numbers_of
from monitor.checks.window import Finding, WindowView
from monitor.hashing import hash_strings
from monitor.types import Level


def finding(spec: Any, tally: Tally, labels: Labels, view: WindowView) -> Finding:
    """Return the finding of an `AgreementSpec`: its value is α.

    Unknown with too few units of two ratings, more classes than the Spec has room for, or one class alone.
    """
    units = units_of(tally)
    details = {"rated_units": float(units), "left_out": float(tally.left_out)}
    unknown = ""
    if tally.cells.full or labels_of(tally).size > spec.max_classes:
        unknown = f"too many classes (more than {spec.max_classes})"
    elif units < spec.min_units:
        unknown = f"too few units ({units} of {spec.min_units} with two ratings)"
    if unknown:
        return Finding(Level.UNKNOWN, unknown, None, view.rows, details=details)
    found = measure(tally, spec.scale, labels.numbers)
    if np.isnan(found.alpha):
        return Finding(Level.UNKNOWN, "all ratings are of one class", None, view.rows, details=details)
    low, high = found.interval(spec.scale, spec.confidence, spec.resamples, _seed(spec.name, view))
    annotators = measure_annotators(tally.pairs, spec.scale, labels.numbers)
    numbers = details | {"alpha": found.alpha, "alpha_lower": low, "alpha_upper": high}
    numbers |= numbers_of(found, annotators, labels)
    finite = {name: number for name, number in numbers.items() if np.isfinite(number)}
    by_bound = spec.judge_by == "bound" and not np.isnan(high)
    level, reason = Level.OK, "ok"
    if (high if by_bound else found.alpha) < spec.min_alpha:
        end = f" ({spec.confidence * 100:g} % interval {low:.3f} to {high:.3f})" if by_bound else ""
        level = Level[spec.severity.upper()]
        reason = f"alpha is {found.alpha:.3f}{end}, below {spec.min_alpha:g}"
    evidence = evidence_of(found, annotators, labels) if level > Level.OK else ""
    return Finding(level, reason, found.alpha, view.rows, details=finite, evidence=evidence)


def _seed(name: str, view: WindowView) -> int:
    """Return where the draws of a window begin."""
    return int(hash_strings(pa.array([f"{name} {view.start_ms} {view.end_ms}"]))[0])
