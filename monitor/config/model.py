"""What the roles of the fields and the section `model` say together: one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitor.models import MetricSpec, ModelFields, ModelPlan, ModelSpec
from monitor.models.settings import MetricLimitSpec
from monitor.performance import Task

NUMBERS = ("number", "integer")
_BOOLEANS = ("false", "true")
_POSITIVE = ("1", "true", "yes", "positive")
_DEFAULTS: Mapping[str, tuple[str, float, float]] = {
    "binary": ("accuracy", 0.05, 0.1),
    "multiclass": ("accuracy", 0.05, 0.1),
    "regression": ("r2", 0.1, 0.2),
}
"""The metric that is judged without any configured, and how much worse than the baseline's warns and is critical."""


@dataclass(frozen=True)
class Roles:
    """Which fields have which role, in the order of the fields."""

    by_role: Mapping[str, tuple[str, ...]]
    probabilities: tuple[tuple[str | None, str], ...]

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Roles:
        """Return the roles of configured fields."""
        found: dict[str, tuple[str, ...]] = {}
        for path, field in fields.items():
            if field.role is not None:
                found[field.role] = (*found.get(field.role, ()), path)
        return cls(found, tuple((fields[path].of, path) for path in found.get("probability", ())))

    def one(self, role: str) -> str | None:
        """Return the first field of a role; None without one."""
        return next(iter(self.by_role.get(role, ())), None)

    @property
    def model(self) -> bool:
        """Whether there is a model: something that it says."""
        return bool(self.by_role.get("prediction") or self.probabilities)


def model_plan_of(fields: Mapping[str, Any], model: ModelSpec | None, *, baseline: bool) -> ModelPlan | None:
    """Return the compiled model, None without one; what is wrong with it was refused before."""
    roles = Roles.of(fields)
    if not roles.model:
        return None
    spec = model or ModelSpec()
    task = Task(task_of(fields, roles, spec), ordered_of(fields, roles, spec), spec.threshold)
    named = ModelFields(roles.one("prediction"), roles.probabilities, roles.one("label"), roles.one("id"))
    metrics = spec.metrics if spec.metrics is not None else _default_metrics(task) if baseline else ()
    waiting = (spec.max_delay, spec.max_pending)
    return ModelPlan(named, task, metrics, spec.min_rows, *waiting, spec.estimated, spec.errors, spec.label_shift)


def _default_metrics(task: Task) -> tuple[MetricSpec, ...]:
    kind, warning, critical = _DEFAULTS[task.kind]
    return (MetricSpec(kind=kind, drop_from_baseline=MetricLimitSpec(warning=warning, critical=critical)),)


def task_of(fields: Mapping[str, Any], roles: Roles, model: ModelSpec) -> Literal["binary", "multiclass", "regression"]:
    """Return what is said, else what the classes and types say."""
    if model.task is not None:
        return model.task
    classes = classes_of(fields, roles, model)
    if not classes and not roles.probabilities and _type(fields, roles) in NUMBERS:
        return "regression"
    return "multiclass" if len(classes) > 2 else "binary"


def _type(fields: Mapping[str, Any], roles: Roles) -> str:
    path = roles.one("label") or roles.one("prediction")
    return str(fields[path].type) if path is not None else ""


def classes_of(fields: Mapping[str, Any], roles: Roles, model: ModelSpec) -> tuple[str, ...]:
    """Return the classes: as listed, else those of the probabilities, of the fields' `allowed`, or of a boolean."""
    if model.classes is not None:
        return model.classes
    if model.task == "regression":
        return ()
    named = tuple(name for name, _ in roles.probabilities if name is not None)
    if len(named) > 1:
        return named
    for path in (roles.one("label"), roles.one("prediction")):
        if path is not None and fields[path].allowed is not None:
            return tuple(_spelled(value) for value in fields[path].allowed)
        if path is not None and fields[path].type == "boolean":
            return _BOOLEANS
    # Of whole numbers a probability makes two classes, as nearly everybody writes them.
    numbers = roles.probabilities and _type(fields, roles) in ("integer", "")
    return ("0", "1") if numbers and len(named) <= 1 else ()


def ordered_of(fields: Mapping[str, Any], roles: Roles, model: ModelSpec) -> tuple[str, ...]:
    """Return the classes, of two the positive one last."""
    classes = classes_of(fields, roles, model)
    if task_of(fields, roles, model) != "binary" or len(classes) != 2:
        return () if task_of(fields, roles, model) == "regression" else classes
    positive = positive_of(classes, roles, model)
    return (classes[1], classes[0]) if positive == classes[0] else classes


def positive_of(classes: tuple[str, ...], roles: Roles, model: ModelSpec) -> str | None:
    """Return the positive class; None where nobody says which."""
    if model.positive is not None:
        return model.positive
    named = [name for name, _ in roles.probabilities if name is not None]
    if len(named) == 1:
        return named[0]
    return next((name for name in classes if name.casefold() in _POSITIVE), None)


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
