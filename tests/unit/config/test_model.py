"""A model is what the roles of its fields say; what they leave open or contradict is refused with path and remedy."""

from __future__ import annotations

import pytest

from monitor.compile import compile_plan, model_plan
from monitor.config.estimate import estimate
from monitor.config.loader import load
from monitor.errors import ConfigError

HEAD = """\
name: shop
source: {kind: kafka, topics: [t], group_id: shop}
"""
FIELDS = {
    "id": "{type: text}",
    "said": "{type: boolean, role: prediction}",
    "p": "{type: number, role: probability}",
    "truth": "{type: boolean, role: label}",
}


def written(model: str = "", more: str = "", **fields: str) -> str:
    """Return a configuration; a field of an empty text is left out."""
    lines = [f"  {name}: {text}" for name, text in {**FIELDS, **fields}.items() if text]
    section = f"model: {{{model}}}\n" if model else ""
    return HEAD + more + "fields:\n" + "\n".join(lines) + "\n" + section


def plan(*args: str, **fields: str):
    """Return the compiled model."""
    return model_plan(load(written(*args, **fields), {}))


def test_roles_alone_make_a_model():
    found = plan()
    assert (found.task.kind, found.task.classes) == ("binary", ("false", "true"))
    assert not found.joined
    assert "auc" in {wanted.name for wanted in found.realized}
    assert "auc" in {wanted.name for wanted in found.estimated}
    assert found.metrics == ()  # there is no baseline to hold it to


def test_with_a_baseline_one_metric_is_judged_without_asking():
    found = plan("", "baseline: {kind: file, path: there}\n")
    assert [(spec.kind, spec.drop_from_baseline.critical) for spec in found.metrics] == [("accuracy", 0.1)]


def test_no_roles_make_no_model():
    assert plan(said="{type: boolean}", p="{type: number}", truth="{type: boolean}") is None


@pytest.mark.parametrize(
    ("model", "fields", "task", "classes"),
    [
        ("", {"said": "", "truth": "{type: integer, role: label}"}, "binary", ("0", "1")),
        ("classes: [yes, no]", {"said": "", "truth": "{type: category, role: label}"}, "binary", ("no", "yes")),
        (
            "",
            {"p": "", "said": "{type: number, role: prediction}", "truth": "{type: number, role: label}"},
            "regression",
            (),
        ),
        (
            "",
            {
                "p": "",
                "said": "{type: category, role: prediction}",
                "truth": "{type: category, role: label, allowed: [a, b, c]}",
            },
            "multiclass",
            ("a", "b", "c"),
        ),
        (
            "",
            {
                "said": "",
                "p": "{type: number, role: probability, of: a}",
                "q": "{type: number, role: probability, of: b}",
                "r": "{type: number, role: probability, of: c}",
                "truth": "{type: category, role: label}",
            },
            "multiclass",
            ("a", "b", "c"),
        ),
        (
            "classes: [bad, good]",
            {"said": "", "p": "{type: number, role: probability, of: bad}", "truth": "{type: category, role: label}"},
            "binary",
            ("good", "bad"),
        ),
    ],
)
def test_task_and_classes_follow_from_the_fields(model, fields, task, classes):
    found = plan(model, **fields)
    assert (found.task.kind, found.task.classes) == (task, classes)


def problems(text: str) -> list[tuple[str, str, str]]:
    """Return path, message and remedy of every problem."""
    with pytest.raises(ConfigError) as caught:
        load(text, {})
    return [(problem.path, problem.message, problem.remedy or "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("model", "fields", "path", "says", "remedy"),
    [
        ("", {"said": "", "p": ""}, "fields.truth.role", "a label without a prediction", "role: prediction"),
        ("threshold: 0.4", {"said": "", "p": "", "truth": ""}, "model", "no field is what the model says", "role:"),
        ("", {"also": "{type: boolean, role: label}"}, "fields.also.role", "truth is the label already", "has one"),
        ("", {"p": "{type: text, role: probability}"}, "fields.p.type", "cannot be of type text", "use number"),
        ("", {"truth": "{type: boolean, role: label, of: x}"}, "fields.truth.of", "only a probability", "role"),
        ("", {"q": "{type: number, role: probability}"}, "fields.p", "of which class", "add `of`"),
        ("", {"id": "{type: text, role: id}"}, "fields.id.role", "how late labels come", "max_delay"),
        ("max_delay: 1d", {}, "model.max_delay", "no field is the id", "role: id"),
        ("", {"truth": "{type: category, role: label}", "said": ""}, "model", "which classes there are", "classes"),
        (
            "classes: [a, b]",
            {"truth": "{type: category, role: label}"},
            "model.positive",
            "positive class",
            "positive: b",
        ),
        ("task: binary, classes: [a, b, c]", {}, "model.task", "two classes, not 3", "multiclass"),
        ("classes: [a, a]", {}, "model.classes", "listed twice", "remove"),
        ("task: regression", {}, "fields.p.role", "regression has no probability", "remove"),
        (
            "classes: [a, b], positive: b",
            {"truth": "{type: integer, role: label}"},
            "fields.truth.type",
            "the classes are a, b",
            "category",
        ),
        (
            "task: multiclass, classes: [a, b, c]",
            {"p": "{type: number, role: probability, of: a}"},
            "fields.p.role",
            "of b, c there is no probability",
            "each class",
        ),
        ("metrics: [{kind: mae, max: {warning: 1}}]", {}, "model.metrics[0].kind", "no metric of a binary", "another"),
        ("metrics: [{kind: acuracy, min: {warning: 1}}]", {}, "model.metrics[0].kind", "no metric acuracy", "accuracy"),
        ("metrics: [{kind: auc}]", {}, "model.metrics[0]", "nothing to hold the metric to", "add `min`"),
        ("metrics: [{kind: auc, min: {}}]", {}, "model.metrics[0].min", "without a level", "critical"),
        (
            "metrics: [{kind: auc, min: {warning: 0.8, critical: 0.9}}]",
            {},
            "model.metrics[0]",
            "critical of min begins before warning",
            "exchange",
        ),
        (
            "metrics: [{kind: auc, min: {warning: 0.8}}, {kind: auc, max: {warning: 1}}]",
            {},
            "model.metrics[1].kind",
            "judged twice",
            "into one",
        ),
        (
            "metrics: [{kind: auc, min: {warning: 0.8}}]",
            {"p": ""},
            "model.metrics[0].kind",
            "needs a probability",
            "role",
        ),
        (
            "metrics: [{kind: brier, max: {warning: 0.8}}]",
            {"truth": ""},
            "model.metrics[0].kind",
            "needs labels",
            "role",
        ),
        (
            "metrics: [{kind: auc, drop_from_baseline: {warning: 0.1}}]",
            {},
            "model.metrics[0].drop_from_baseline",
            "there is none",
            "baseline",
        ),
        ("errors: [{kind: ddm}]", {"truth": ""}, "model.errors", "errors need labels", "role: label"),
        ("errors: [{kind: ddm}, {kind: ddm}]", {}, "model.errors[1].name", "name ddm is used twice", "once"),
        (
            "errors: [{kind: ddm}]",
            {"p": "", "said": "{type: number, role: prediction}", "truth": "{type: number, role: label}"},
            "model.errors[0]",
            "right and wrong only",
            "adwin",
        ),
        (
            "max_delay: 1d, max_pending: 50000000",
            {"id": "{type: text, role: id}"},
            "model.max_pending",
            "limits.max_state_bytes",
            "lower it",
        ),
        ("", {"v": "{type: category, role: model_version}"}, "fields.v.role", "needs a segment", "{field: v}"),
    ],
)
def test_what_is_left_open_or_contradicts_is_refused_at_its_place_with_a_remedy(model, fields, path, says, remedy):
    found = {place: (message, what) for place, message, what in problems(written(model, **fields))}
    assert path in found
    message, what = found[path]
    assert says in message
    assert remedy in message + what


def test_a_model_is_part_of_the_estimate_of_series():
    with_model, without = (
        estimate(load(text, {}), 1).series
        for text in (written(), written(said="{type: boolean}", p="{type: number}", truth="{type: boolean}"))
    )
    assert with_model > without + 50


def test_a_model_of_classes_each_with_its_probability_is_measured():
    config = load(
        written(
            said="",
            p="{type: number, role: probability, of: a}",
            q="{type: number, role: probability, of: b}",
            r="{type: number, role: probability, of: c}",
            truth="{type: category, role: label}",
        ),
        {},
    )
    assert compile_plan(config, None).outcomes.fields == ("p", "q", "r", "truth")
