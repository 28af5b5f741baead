"""The segments of observed values in a judged window: by their values, and without those that nobody has yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from monitor.results import WindowResult
from monitor.segments import Segmenter

T = TypeVar("T")
Proof = Mapping[tuple[str, str, str], str] | None


def named(window: WindowResult, segmenter: Segmenter) -> WindowResult:
    """Return the window with every free segment called by the value that took it; what is said of others is left out.

    Before, a group has the label of its slot, so that what is remembered of it has one name for ever.
    """
    names = segmenter.names
    if not names:
        return window
    return replace(
        window,
        verdicts=_views(window.verdicts, names),
        checks=_views(window.checks, names),
        models=_views(window.models, names),
        evidence=_keyed(window.evidence, names),
        changes=_keyed(window.changes, names),
    )


def _views(views: Iterable[T], names: Mapping[str, str | None]) -> tuple[T, ...]:
    found = []
    for view in views:
        each: Any = view
        if each.segment not in names:
            found.append(view)
        elif (name := names[each.segment]) is not None:
            found.append(replace(each, segment=name))
    return tuple(found)


def _keyed(proof: Proof, names: Mapping[str, str | None]) -> Proof:
    if not proof:
        return proof
    return {
        (field, name, rule): said
        for (field, segment, rule), said in proof.items()
        if (name := names.get(segment, segment)) is not None
    }
