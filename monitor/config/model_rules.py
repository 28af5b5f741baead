"""What the roles of the fields and the section `model` must agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monitor.config.model import NUMBERS, Roles, classes_of, model_plan_of, ordered_of, positive_of, task_of
from monitor.config.violation import BASELINE_REMEDY, Violation
from monitor.models import ModelSpec
from monitor.performance import Task
from monitor.performance.metrics import METRICS, require

_CLASSES = ("category", "boolean", "integer", "number")
_FITTING = {
    "prediction": _CLASSES,
    "label": _CLASSES,
    "probability": ("number", "integer"),
    "id": ("category", "text", "integer"),
    "model_version": ("category", "boolean"),
}


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
    task, classes = task_of(fields, roles, model), classes_of(fields, roles, model)
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
    elif task == "binary" and positive_of(classes, roles, model) not in classes:
        message = f"which of {' and '.join(classes)} is the positive class"
        yield Violation(("model", "positive"), message, f"add `positive: {classes[1]}` to model")
    elif task == "multiclass" and model.positive is not None:
        yield Violation(("model", "positive"), "of more than two classes none is the positive one", "remove it")


def _wrong_task(fields: Any, roles: Roles, model: ModelSpec) -> Iterator[Violation]:
    if task_of(fields, roles, model) == "regression":
        yield from _wrong_regression(fields, roles, model)
        return
    classes = classes_of(fields, roles, model)
    named = {name for name, _ in roles.probabilities if name is not None}
    for name, path in roles.probabilities:
        if name is not None and name not in classes:
            yield Violation(("fields", path, "of"), f"{name} is none of the classes {', '.join(classes)}")
    if len(classes) > 2 and roles.probabilities and named != set(classes):
        missing = [name for name in classes if name not in named]
        path = roles.probabilities[0][1]
        message = f"of {', '.join(missing)} there is no probability"
        yield Violation(("fields", path, "role"), message, "give each class one, with `of`, or none")
    for path in filter(None, (roles.one("prediction"), roles.one("label"))):
        if fields[path].type in NUMBERS and not all(map(_is_number, classes)):
            message = f"{path} is of type {fields[path].type}, and the classes are {', '.join(classes)}"
            yield Violation(("fields", path, "type"), message, "use category, or list the numbers as classes")


def _wrong_regression(fields: Any, roles: Roles, model: ModelSpec) -> Iterator[Violation]:
    for _, path in roles.probabilities:
        yield Violation(("fields", path, "role"), "a regression has no probability", "remove it, or change the task")
    for path in filter(None, (roles.one("prediction"), roles.one("label"))):
        if fields[path].type not in NUMBERS:
            message = f"the {fields[path].role} of a regression cannot be of type {fields[path].type}"
            yield Violation(("fields", path, "type"), message, "use number or integer, or change the task")
    if model.label_shift is not None:
        yield Violation(("model", "label_shift"), "a regression has no classes", "remove it, or change the task")
    for index, spec in enumerate(model.errors):
        if spec.binary:
            message = f"{spec.kind} takes right and wrong only, and a regression has neither"
            yield Violation(("model", "errors", index), message, "use adwin, page_hinkley or kswin")


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
    task = Task(task_of(fields, roles, model), ordered_of(fields, roles, model), model.threshold)
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
    if model.label_shift is not None and roles.one("label") is None:
        message = "the classes' shares follow from the baseline's labels, and no field is the label"
        yield Violation(("model", "label_shift"), message, "give a field `role: label`")
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


def _shares_have_a_baseline(model: Any, baseline: Any) -> Iterator[Violation]:
    if baseline is None and model is not None and model.label_shift is not None:
        message = "the classes' shares follow from the baseline's labels, and there is none"
        yield Violation(("model", "label_shift"), message, BASELINE_REMEDY)


def _memory_is_capped(fields: Any, model: Any, segments: Any, limits: Any) -> Iterator[Violation]:
    if not Roles.of(fields).model or any(model_violations(fields, model)):
        return
    plan = model_plan_of(fields, model, baseline=False)
    total = 0 if plan is None else plan.memory_bytes(len(segments), sum(segment.most + 1 for segment in segments))
    if total > limits.max_state_bytes:
        message = f"{total} bytes of rows that wait are more than limits.max_state_bytes = {limits.max_state_bytes}"
        yield Violation(("model", "max_pending"), message, "lower it, or raise the limit")


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
    (("model", "baseline"), _shares_have_a_baseline),
    (("fields", "model", "segments", "limits"), _memory_is_capped),
)
