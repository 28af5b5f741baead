"""Which measures of a model's sureness are watched as fields of their own, and all fields that are watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.config.model import Roles, model_plan_of
from monitor.config.model_rules import model_violations
from monitor.config.text_streams import MadeField, made_fields
from monitor.models import ModelSpec
from monitor.models.sureness import SurenessColumns
from monitor.performance.confidence import SURENESS, Sureness

_OF_TWO: tuple[Sureness, ...] = ("entropy",)
"""Of two classes each measure is a function of the others, and one says it all."""


def watched_fields(fields: Mapping[str, Any], model: ModelSpec | None) -> dict[str, Any]:
    """Return every field that is watched: those of the records, then those made of their texts and of the model's."""
    made = {name: made for each in sureness_columns(fields, model) for name, made in _made_of(each, model)}
    return {**fields, **made_fields(fields), **made}


def sureness_columns(fields: Mapping[str, Any], model: ModelSpec | None) -> tuple[SurenessColumns, ...]:
    """Return what the decoder has to make of the model's probabilities: one or nothing.

    A model that is refused, or of which no field is a probability, has none.
    """
    if model is None or model.sureness is None or not Roles.of(fields).probabilities:
        return ()
    plan = None if any(model_violations(fields, model)) else model_plan_of(fields, model, baseline=False)
    if plan is None:
        return ()
    usual = _OF_TWO if plan.task.kind == "binary" else SURENESS
    return (SurenessColumns(plan, model.sureness.measures or usual),)


def _made_of(columns: SurenessColumns, model: ModelSpec | None) -> list[tuple[str, MadeField]]:
    drift = None if model is None or model.sureness is None else model.sureness.drift
    return [(name, MadeField("number", "number", drift)) for name in columns.names.values()]
