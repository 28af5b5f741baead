"""What a model shows at most, for the estimate of series."""

from __future__ import annotations

from monitor.config.model import model_plan_of
from monitor.config.tree import Config
from monitor.model_views import JoinView, ModelState, ModelView
from monitor.models.joining import DELAY_BOUNDS_S
from monitor.models.plan import error_name
from monitor.types import Level


def fullest_model(config: Config, segments: list[str]) -> ModelState:
    """Return every metric of the model with all of its numbers."""
    plan = model_plan_of(config.fields, config.model, baseline=config.baseline is not None)
    if plan is None:
        return ModelState()
    before = None if config.baseline is None else 0.0
    names = [
        *(("realized", wanted.name) for wanted in plan.realized),
        *(("estimated", wanted.name) for wanted in plan.estimated),
        *(("estimated", name) for _, name in plan.label_shares),
    ]
    views = [
        ModelView(plan.fields.name, "", name, source, segment, Level.OK, "", 0.0, 0.0, 0.0, 0.0, before, 1, 1)
        for source, name in names
        for segment in segments
    ]
    views += [
        ModelView(plan.fields.name, "", error_name(spec), "errors", segment, Level.OK, "", 0.0, predictions=1)
        for spec in plan.errors
        for segment in (segments if spec.segments else segments[:1])
    ]
    labels = dict.fromkeys(("duplicate", "joined", "orphan"), 0)
    counts = (0,) * (len(DELAY_BOUNDS_S) + 1)
    join = JoinView(0, 0, 0, 0, labels, 0, 0, 1.0, DELAY_BOUNDS_S, counts, 0.0, 0.0) if plan.joined else None
    return ModelState(tuple(views), join)
