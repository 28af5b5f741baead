"""What the measures of a model's sureness must agree on with the rest of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from monitor.config.model import Roles
from monitor.config.sureness import sureness_columns
from monitor.config.text_rules import TEXT_RULES
from monitor.config.violation import BASELINE_REMEDY, Violation

_LOC = ("model", "sureness")


def _there_are_probabilities(fields: Any, model: Any) -> Iterator[Violation]:
    roles = Roles.of(fields)
    if model is not None and model.sureness is not None and roles.model and not roles.probabilities:
        message = "how sure the model is follows from its probabilities, and there is none"
        yield Violation(_LOC, message, "give a field `role: probability`, or remove it")


def _detectors_fit(model: Any) -> Iterator[Violation]:
    detectors = () if model is None or model.sureness is None else model.sureness.drift or ()
    for index, detector in enumerate(detectors):
        loc = (*_LOC, "drift", index)
        if "number" not in detector.field_types:
            yield Violation(loc, f"{detector.kind} cannot compare numbers", "choose another detector")
        if detector.kind in {earlier.kind for earlier in detectors[:index]}:
            yield Violation((*loc, "kind"), f"kind {detector.kind} is used twice", "use each once")


def _drift_has_a_baseline(model: Any, baseline: Any) -> Iterator[Violation]:
    if baseline is None and model is not None and model.sureness is not None and model.sureness.drift:
        yield Violation((*_LOC, "drift"), "drift is measured against a baseline, and there is none", BASELINE_REMEDY)


def _names_are_their_own(fields: Any, model: Any, time: Any) -> Iterator[Violation]:
    for columns in sureness_columns(fields, model):
        for name in columns.names.values():
            if name in fields or name == time.field:
                loc = ("fields", name) if name in fields else ("time", "field")
                message = f"{name} is also a measure of the model's sureness"
                yield Violation(loc, message, "leave out the measure, or this field")


MADE_RULES: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Violation]]], ...] = (
    (("fields", "model"), _there_are_probabilities),
    (("model",), _detectors_fit),
    (("model", "baseline"), _drift_has_a_baseline),
    (("fields", "model", "time"), _names_are_their_own),
    *TEXT_RULES,
)
"""The rules of all fields that are made of others, each with the sections that it needs."""
