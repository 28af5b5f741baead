"""What the roles of the fields and the section `model` say together: one model, or what they disagree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitor.config.violation import BASELINE_REMEDY, Violation
from monitor.models import MetricSpec, ModelFields, ModelPlan, ModelSpec
from monitor.models.settings import MetricLimitSpec
from monitor.performance import Task
from monitor.performance.metrics import METRICS, require

_NUMBERS = ("number", "integer")
_CLASSES = ("category", "boolean", "integer", "number")
_FITTING = {
    "prediction": _CLASSES,
    "label": _CLASSES,
    "probability": ("number", "integer"),
    "id": ("category", "text", "integer"),
    "model_version": ("category", "boolean"),
}
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
    task = Task(_task(fields, roles, spec), _ordered(fields, roles, spec), spec.threshold)
    named = ModelFields(roles.one("prediction"), roles.probabilities, roles.one("label"), roles.one("id"))
    metrics = spec.metrics if spec.metrics is not None else _default_metrics(task) if baseline else ()
    return ModelPlan(
        named, task, metrics, spec.min_rows, spec.max_delay, spec.max_pending, spec.estimated, spec.errors
    )


def _default_metrics(task: Task) -> tuple[MetricSpec, ...]:
    kind, warning, critical = _DEFAULTS[task.kind]
    return (MetricSpec(kind=kind, drop_from_baseline=MetricLimitSpec(warning=warning, critical=critical)),)


def _task(fields: Mapping[str, Any], roles: Roles, model: ModelSpec) -> Literal["binary", "multiclass", "regression"]:
    """Return what is said, else what the classes and types say."""
    if model.task is not None:
        return model.task
    classes = _classes(fields, roles, model)
    if not classes and not roles.probabilities and _type(fields, roles) in _NUMBERS:
        return "regression"
    return "multiclass" if len(classes) > 2 else "binary"


def _type(fields: Mapping[str, Any], roles: Roles) -> str:
    path = roles.one("label") or roles.one("prediction")
    return str(fields[path].type) if path is not None else ""


def _classes(fields: Mapping[str, Any], roles: Roles, model: ModelSpec) -> tuple[str, ...]:
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


def _ordered(fields: Mapping[str, Any], roles: Roles, model: ModelSpec) -> tuple[str, ...]:
    """Return the classes, of two the positive one last."""
    classes = _classes(fields, roles, model)
    if _task(fields, roles, model) != "binary" or len(classes) != 2:
        return () if _task(fields, roles, model) == "regression" else classes
    positive = _positive(classes, roles, model)
    return (classes[1], classes[0]) if positive == classes[0] else classes


def _positive(classes: tuple[str, ...], roles: Roles, model: ModelSpec) -> str | None:
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


def model_violations(fields: Any, model: Any) -> Iterator[Violation]:
    """Yield what the roles and the section `model` disagree on; later ones only where the earlier are right."""
    roles, spec = Roles.of(fields), model or ModelSpec()
    found = [*_wrong_roles(fields, roles, model), *_wrong_probabilities(fields, roles)]
    if not found and roles.model:
        found = [*_wrong_classes(fields, roles, spec), *_wrong_join(roles, spec)]
        if not found:
            found = [*_wrong_task(fields, roles, spec)]
        if not found:
            found = [*_wrong_metrics(fields, roles, spec)]
    yield from found


def _wrong_roles(fields: Any, roles: Roles, model: Any) -> Iterator[Violation]:
    for role, paths in roles.by_role.items():
        for path in paths if role != "probability" else ():
            if path != paths[0]:
                yield Violation(("fields", path, "role"), f"{paths[0]} is the {role} already", "a model has one")
        for path in paths:
            if fields[path].type not in _FITTING[role]:
                message = f"a {role} cannot be of type {fields[path].type}"
                yield Violation(("fields", path, "type"), message, f"use {' or '.join(_FITTING[role])}")
    if not roles.model:
        remedy = "give a field `role: prediction` or `role: probability`"
        if model is not None:
            yield Violation(("model",), "no field is what the model says", remedy)
        elif roles.by_role:
            role, paths = next(iter(roles.by_role.items()))
            yield Violation(("fields", paths[0], "role"), f"a {role} without a prediction", remedy)


def _wrong_probabilities(fields: Any, roles: Roles) -> Iterator[Violation]:
    for path, field in fields.items():
        if field.of is not None and field.role != "probability":
            yield Violation(("fields", path, "of"), "only a probability is of a class", "add `role: probability`")
    names = [name for name, _ in roles.probabilities]
    for place, (name, path) in enumerate(roles.probabilities):
        if len(names) > 1 and name is None:
            yield Violation(("fields", path), "of which class is this probability", "add `of` with the class")
        elif name in names[:place]:
            yield Violation(("fields", path, "of"), f"class {name} has a probability already", "remove one")


def _wrong_classes(fields: Any, roles: Roles, model: ModelSpec) -> Iterator[Violation]:
    task, classes = _task(fields, roles, model), _classes(fields, roles, model)
    if task == "regression":
        if model.classes is not None or model.positive is not None:
            key = "classes" if model.classes is not None else "positive"
            yield Violation(("model", key), "a regression has no classes", "remove it, or change the task")
        return
    if not classes:
        yield Violation(("model",), "nobody says which classes there are", "add `classes: [one, two]` to model")
    elif len(set(classes)) < len(classes):
        yield Violation(("model", "classes"), "a class is listed twice", "remove one")
    elif task == "binary" and len(classes) != 2:
        message = f"a binary task has two classes, not {len(classes)}"
        yield Violation(("model", "task"), message, "use multiclass, or list two classes")
    elif task == "binary" and _positive(classes, roles, model) not in classes:
        message = f"which of {' and '.join(classes)} is the positive class"
        yield Violation(("model", "positive"), message, f"add `positive: {classes[1]}` to model")
    elif task == "multiclass" and model.positive is not None:
        yield Violation(("model", "positive"), "of more than two classes none is the positive one", "remove it")


def _wrong_task(fields: Any, roles: Roles, model: ModelSpec) -> Iterator[Violation]:
    task, classes = _task(fields, roles, model), _classes(fields, roles, model)
    if task == "regression":
        if roles.probabilities:
            path = roles.probabilities[0][1]
            yield Violation(("fields", path, "role"), "a regression has no probability", "remove it, or change the task")
        for role in ("prediction", "label"):
            path = roles.one(role) or ""
            if path and fields[path].type not in _NUMBERS:
                message = f"the {role} of a regression cannot be of type {fields[path].type}"
                yield Violation(("fields", path, "type"), message, "use number or integer, or change the task")
        binary = [index for index, spec in enumerate(model.errors) if spec.binary]
        for index in binary:
            message = f"{model.errors[index].kind} takes right and wrong only, and a regression has neither"
            yield Violation(("model", "errors", index), message, "use adwin, page_hinkley or kswin")
        return
    named = {name for name, _ in roles.probabilities if name is not None}
    for name, path in roles.probabilities:
        if name is not None and name not in classes:
            yield Violation(("fields", path, "of"), f"{name} is none of the classes {', '.join(classes)}")
    if task == "multiclass" and roles.probabilities and named != set(classes):
        missing = [name for name in classes if name not in named]
        path = roles.probabilities[0][1]
        message = f"of {', '.join(missing)} there is no probability"
        yield Violation(("fields", path, "role"), message, "give each class one, with `of`, or none")
    for role in ("prediction", "label"):
        path = roles.one(role) or ""
        if path and fields[path].type in _NUMBERS and not all(map(_is_number, classes)):
            message = f"{path} is of type {fields[path].type}, and the classes are {', '.join(classes)}"
            yield Violation(("fields", path, "type"), message, "use category, or list the numbers as classes")


def _wrong_join(roles: Roles, model: ModelSpec) -> Iterator[Violation]:
    if model.max_delay is None:
        path = roles.one("id")
        if path is not None:
            message = "an id joins labels to predictions, and nobody says how late labels come"
            yield Violation(("fields", path, "role"), message, "add `max_delay` to model, or remove the role")
        return
    for role in ("id", "label"):
        if roles.one(role) is None:
            message = f"predictions and labels are joined, and no field is the {role}"
            yield Violation(("model", "max_delay"), message, f"give a field `role: {role}`, or remove max_delay")


def _wrong_metrics(fields: Any, roles: Roles, model: ModelSpec) -> Iterator[Violation]:
    task = Task(_task(fields, roles, model), _ordered(fields, roles, model), model.threshold)
    seen = set()
    for index, spec in enumerate(model.metrics or ()):
        loc = ("model", "metrics", index)
        if spec.name in seen:
            yield Violation((*loc, "kind"), f"{spec.name} is judged twice", "put all its limits into one")
        seen.add(spec.name)
        try:
            require(task, spec.kind, spec.of)
        except ValueError as error:
            yield Violation((*loc, "kind" if spec.of is None else "of"), str(error), "choose another metric")
            continue
        if METRICS[spec.kind].needs_probability and not roles.probabilities:
            yield Violation((*loc, "kind"), f"{spec.kind} needs a probability", "give a field `role: probability`")
        elif roles.one("label") is None and not (model.estimated and METRICS[spec.kind].without_labels):
            yield Violation((*loc, "kind"), f"{spec.kind} needs labels", "give a field `role: label`")
    if model.errors and roles.one("label") is None:
        yield Violation(("model", "errors"), "errors need labels", "give a field `role: label`")
    names = [spec.name or spec.kind for spec in model.errors]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Violation(("model", "errors", index, "name"), f"name {name} is used twice", "use each once")


def _model_version_is_a_segment(fields: Any, segments: Any) -> Iterator[Violation]:
    known = {segment.field for segment in segments}
    for path, field in fields.items():
        if field.role == "model_version" and path not in known:
            message = "performance by version needs a segment for each"
            yield Violation(("fields", path, "role"), message, f"add `{{field: {path}}}` to segments")


def _baseline_is_there(model: Any, baseline: Any) -> Iterator[Violation]:
    for index, spec in enumerate((model.metrics or ()) if model is not None and baseline is None else ()):
        if spec.drop_from_baseline is not None:
            message = "the metric is compared with the baseline's, and there is none"
            yield Violation(("model", "metrics", index, "drop_from_baseline"), message, BASELINE_REMEDY)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


MODEL_RULES = (
    (("fields", "model"), model_violations),
    (("fields", "segments"), _model_version_is_a_segment),
    (("model", "baseline"), _baseline_is_there),
)
