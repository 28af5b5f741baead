"""What a sequential detector and the rest of the configuration must agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from monitor.inner_types import language_sample
from monitor.sequential import stream_field
from monitor.types import FIELD_TYPES, SCALARS, FieldType

Disagreement = tuple[tuple[str | int, ...], str, str | None]
"""Where to look first, what is wrong, and what to do."""
_NUMBERS: frozenset[FieldType] = frozenset({"number", "integer"})
_FITTING = {"mean": _NUMBERS, "stddev": _NUMBERS, "quantile": _NUMBERS, "distinct": SCALARS}
"""The field types that have a statistic, where not all of them do."""
_UNSEGMENTED = frozenset({"distinct", "quantile"})


def sequential_violations(sections: Mapping[str, Any]) -> Iterator[Disagreement]:
    """Yield what the sections that are there disagree on."""
    for needs, rule in _RULES:
        if all(name in sections for name in needs):
            yield from rule(*(sections[name] for name in needs))


def _series_are_of_something(sequential: Any, fields: Any, groups: Any) -> Iterator[Disagreement]:
    names = {group.name for group in groups}
    for index, spec in enumerate(sequential):
        path = getattr(spec, "field", None)
        if path is None or (path in names and spec.statistic == "score"):
            continue
        if path not in fields:
            remedy = f"add `{path}: {{type: number}}` to fields, or name one of {_some(fields)}"
            yield (("sequential", index, "field"), f"{path} is not among the fields", remedy)
        elif not _has(fields[path], spec.statistic):
            message = f"a field of type {fields[path].type} has no {spec.statistic}"
            remedy = "use missing_ratio, invalid_ratio, or the score of a detector"
            yield (("sequential", index, "statistic"), message, remedy)


def _has(field: Any, statistic: str) -> bool:
    """Return whether a field has a statistic; of languages a sample is counted, and not how many there are."""
    if statistic == "distinct" and language_sample(field.kept_type) is not None:
        return False
    return field.type in _FITTING.get(statistic, FIELD_TYPES)


def _series_have_their_detector(sequential: Any, fields: Any, drift: Any, groups: Any) -> Iterator[Disagreement]:
    joint = {group.name: group.drift for group in groups}
    for index, spec in enumerate(sequential):
        wanted, path = getattr(spec, "detector", None), getattr(spec, "field", None)
        if wanted is None or (path not in fields and path not in joint):
            continue
        field = fields.get(path)
        if field is None:
            own = joint[path]
        else:
            own = field.drift if field.drift is not None else [d for d in drift if field.type in d.field_types]
        if wanted not in {detector.kind for detector in own}:
            place = f"drift or fields.{path}.drift" if field is not None else f"the drift of the group {path}"
            remedy = f"add `{{kind: {wanted}}}` to {place}"
            yield (("sequential", index, "detector"), f"{path} has no detector {wanted}", remedy)


def _series_have_their_check(sequential: Any, fields: Any, checks: Any) -> Iterator[Disagreement]:
    known = {check.name for check in checks}
    known |= {check.name for path, field in fields.items() for check in field.checks(path)}
    for index, spec in enumerate(sequential):
        if spec.check is not None and spec.check not in known:
            remedy = f"add it to checks, or name one of {_some(known)}"
            yield (("sequential", index, "check"), f"there is no check {spec.check}", remedy)


def _series_are_segmented(sequential: Any, segments: Any) -> Iterator[Disagreement]:
    for index, spec in enumerate(sequential):
        if not spec.segments:
            continue
        if not segments:
            remedy = "add `segments`, or remove this"
            yield (("sequential", index, "segments"), "the configuration has no segments", remedy)
        elif getattr(spec, "statistic", "") in _UNSEGMENTED:
            message = f"{spec.statistic} is known for all rows only"
            yield (("sequential", index, "segments"), message, "remove it, or choose another statistic")


def _series_have_names_of_their_own(sequential: Any, drift: Any, fields: Any) -> Iterator[Disagreement]:
    seen = {(path, kind.kind) for path, field in fields.items() for kind in (*drift, *(field.drift or ()))}
    for index, spec in enumerate(sequential):
        key = (stream_field(spec), spec.name)
        if key in seen:
            message = f"{key[0] or 'rows'} already has a detector with the name {spec.name}"
            yield (("sequential", index, "name"), message, "give it another `name`")
        seen.add(key)


def _some(names: Any) -> str:
    """Return some names, for a person to choose from."""
    found = sorted(names)
    return ", ".join(found[:5]) + (", …" if len(found) > 5 else "") if found else "none: there are none yet"


_RULES: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Disagreement]]], ...] = (
    (("sequential", "watched", "groups"), _series_are_of_something),
    (("sequential", "watched", "drift", "groups"), _series_have_their_detector),
    (("sequential", "watched", "checks"), _series_have_their_check),
    (("sequential", "segments"), _series_are_segmented),
    (("sequential", "drift", "watched"), _series_have_names_of_their_own),
)
