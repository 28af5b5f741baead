"""What the options of `driftline dope` mean."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import typer

from monitor.doping import FAULTS, SEVERITIES
from monitor.proving.dope import Wanted
from monitor.proving.requirements import Requirement, parse


def wanted_of(
    faults: str, severity: str, fields: str, within: int, injections: int, onsets: int, seed: int, *, limits: bool
) -> Wanted:
    """Return what is wanted; raises typer.BadParameter for what is unknown."""
    kinds = _listed(faults) or list(FAULTS)
    for kind in kinds:
        if kind not in FAULTS:
            near = get_close_matches(kind, FAULTS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise typer.BadParameter(f"{kind} is no fault{hint} There are {', '.join(FAULTS)}", param_hint="--faults")
    levels = dict(_level(word) for word in _listed(severity))
    if not levels:
        raise typer.BadParameter("at least one severity is needed", param_hint="--severity")
    return Wanted(kinds, levels, within, injections, onsets, _listed(fields), seed, limits)


def requirements_of(texts: Sequence[str]) -> list[Requirement]:
    """Return the requirements; raises typer.BadParameter for what is none."""
    try:
        return [parse(text) for text in texts]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--require") from error


def _level(word: str) -> tuple[str, float]:
    if word in SEVERITIES:
        return word, SEVERITIES[word]
    try:
        noncentrality = float(word)
    except ValueError:
        noncentrality = 0.0
    if not 0 < noncentrality < float("inf"):
        message = f"{word} is no severity; write {', '.join(SEVERITIES)} or a number above 0"
        raise typer.BadParameter(message, param_hint="--severity")
    return word, noncentrality


def _listed(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]
