"""What the measures of texts, and checks of likeness, must agree on with the rest of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from monitor.config.text_streams import made_fields
from monitor.config.violation import BASELINE_REMEDY, Violation


def _measures_have_detectors(fields: Any) -> Iterator[Violation]:
    for path, field in fields.items():
        types = {made.type for made in made_fields({path: field}).values()}
        detectors = (field.text.drift or ()) if field.text is not None else ()
        for index, detector in enumerate(detectors):
            loc = ("fields", path, "text", "drift", index)
            if not types & detector.field_types:
                message = f"{detector.kind} can compare none of the measures of {path}"
                yield Violation(loc, message, "choose another detector")
            if detector.kind in {earlier.kind for earlier in detectors[:index]}:
                yield Violation((*loc, "kind"), f"kind {detector.kind} is used twice", "use each once")


def _measures_have_a_baseline(fields: Any, baseline: Any) -> Iterator[Violation]:
    for path, field in fields.items():
        if baseline is None and field.text is not None and field.text.drift:
            message = "drift is measured against a baseline, and there is none"
            yield Violation(("fields", path, "text", "drift"), message, BASELINE_REMEDY)


def _measures_have_names_of_their_own(fields: Any, time: Any) -> Iterator[Violation]:
    for name in made_fields(fields):
        if name in fields or name == time.field:
            loc = ("fields", name) if name in fields else ("time", "field")
            yield Violation(loc, f"{name} is also a measure of a text", "leave out the measure, or this field")


def _near_vectors_are_capped(checks: Any, fields: Any, limits: Any) -> Iterator[Violation]:
    for index, check in enumerate(checks):
        dimension = getattr(fields.get(getattr(check, "field", "")), "dimension", None)
        if check.kind != "near_duplicates" or dimension is None:
            continue
        size = check.vector_bytes(dimension)
        if size > limits.max_state_bytes:
            message = f"{size} bytes of memory are more than limits.max_state_bytes = {limits.max_state_bytes}"
            yield Violation(("checks", index, "capacity"), message, "lower it, or raise the limit")


TEXT_RULES: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Violation]]], ...] = (
    (("fields",), _measures_have_detectors),
    (("fields", "baseline"), _measures_have_a_baseline),
    (("fields", "time"), _measures_have_names_of_their_own),
    (("checks", "fields", "limits"), _near_vectors_are_capped),
)
