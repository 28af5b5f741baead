"""What groups of fields must agree on with the rest of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from monitor.config.violation import BASELINE_REMEDY, Violation

_FITTING = ("number", "integer")


def _groups_have_a_baseline(groups: Any, baseline: Any) -> Iterator[Violation]:
    if groups and baseline is None:
        yield Violation(("groups",), "groups are compared with a baseline, and there is none", BASELINE_REMEDY)


def _groups_have_names(groups: Any, fields: Any) -> Iterator[Violation]:
    seen = set()
    for index, group in enumerate(groups):
        loc = ("groups", index, "name")
        if group.name in seen:
            yield Violation(loc, f"name {group.name} is used twice", "use each once")
        if group.name in fields:
            yield Violation(loc, f"a field is named {group.name} too", "give the group another name")
        seen.add(group.name)


def _group_fields_fit(groups: Any, fields: Any) -> Iterator[Violation]:
    for index, group in enumerate(groups):
        for place, path in enumerate(group.fields):
            loc = ("groups", index, "fields", place)
            field = fields.get(path)
            if path in group.fields[:place]:
                yield Violation(loc, f"{path} is in the group twice", "remove one")
            elif field is None:
                yield Violation(loc, f"{path} is not among the fields", f"add `{path}: {{type: number}}` to fields")
            elif field.type not in _FITTING:
                message = f"{path} is of type {field.type}, and groups need number or integer"
                yield Violation(loc, message, "choose another field")


def _groups_are_capped(groups: Any, limits: Any) -> Iterator[Violation]:
    for index, group in enumerate(groups):
        if len(group.fields) > limits.max_group_fields:
            message = f"{len(group.fields)} fields are more than limits.max_group_fields = {limits.max_group_fields}"
            yield Violation(("groups", index, "fields"), message, "make two groups of them, or raise the limit")


def _group_detectors_are_unique(groups: Any) -> Iterator[Violation]:
    for index, group in enumerate(groups):
        kinds = [detector.kind for detector in group.drift]
        for place, kind in enumerate(kinds):
            if kind in kinds[:place]:
                yield Violation(
                    ("groups", index, "drift", place, "kind"), f"kind {kind} is used twice", "use each once"
                )


GROUP_RULES: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Violation]]], ...] = (
    (("groups", "baseline"), _groups_have_a_baseline),
    (("groups", "watched"), _groups_have_names),
    (("groups", "watched"), _group_fields_fit),
    (("groups", "limits"), _groups_are_capped),
    (("groups",), _group_detectors_are_unique),
)
