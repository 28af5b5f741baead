"""Another mix of classes: told before labels come, and named as the cause of a loss once they are there."""

from __future__ import annotations

import re

import numpy as np
import pytest

from monitor.compile import model_plan
from monitor.config.estimate import estimate
from monitor.config.loader import load
from monitor.errors import ConfigError
from monitor.models import ModelReference, ModelWatch
from monitor.models.judging import NO_ROWS, TOO_FEW
from monitor.models.shares import ALIKE, CLASS_MISSING, NO_LABELS, SHIFTED
from monitor.performance import Outcomes, PerformanceCounts, PerformanceFrame
from monitor.segments import Segmenter
from monitor.types import Groups, Level
from tests.support.models import ModelRig, baseline_of, configured, outcomes

PANE_MS = 1_000
CONFIGURATION = """\
name: shop
source: {kind: files, paths: [unused.jsonl]}
baseline: {kind: file, path: nowhere}
fields:
  said: {type: category, role: prediction, allowed: [ant, bee, cat]}
  truth: {type: category, role: label, allowed: [ant, bee, cat]}
model: {label_shift: LIMITS, metrics: METRICS}
"""
DROP = "[{kind: accuracy, drop_from_baseline: {warning: 0.05}}]"
RIGHT = np.array([0.95, 0.85, 0.55])
"""How often each class is recognised; what it is taken for otherwise is one of the others."""
EQUAL, MANY_CATS = (1 / 3, 1 / 3, 1 / 3), (0.1, 0.1, 0.8)


def plan_of(limits: str = "{}", metrics: str = DROP):
    return model_plan(load(CONFIGURATION.replace("LIMITS", limits).replace("METRICS", metrics), {}))


def drawn(n: int, shares, *, seed: int = 1, right=RIGHT, labelled: bool = True) -> Outcomes:
    """Return n rows with these shares of the classes, of a model that knows nothing but the class of a row."""
    rng = np.random.default_rng(seed)
    label = rng.choice(3, n, p=shares)
    wrong = (label + rng.integers(1, 3, n)) % 3
    said = np.where(rng.random(n) < np.asarray(right)[label], label, wrong)
    return Outcomes(said, label if labelled else np.full(n, -1, np.int64), None, Groups())


def judged(plan, before: Outcomes, now: Outcomes | None):
    """Return what a window says of the model, by source and metric."""
    frame = PerformanceFrame.of_rows(plan.task, before)
    then, here = (PerformanceCounts(plan.task, 1, frame) for _ in range(2))
    then.update(before)
    if now is not None:
        here.update(now)
    watch = ModelWatch(plan, Segmenter(), ModelReference(str(plan.fields), frame, then), pane_ms=PANE_MS)
    views = watch.judge(0, PANE_MS, None if now is None else here, "")
    return {(view.source, view.metric): view for view in views}


def shares_in(found) -> list:
    return [found["estimated", f"label_share.{name}"] for name in ("ant", "bee", "cat")]


def test_a_loss_that_the_new_mix_of_classes_explains_is_named_label_shift():
    found = judged(plan_of("null"), drawn(20_000, EQUAL), drawn(5_000, MANY_CATS, seed=2))["realized", "accuracy"]
    assert found.level is Level.WARNING
    assert found.evidence.startswith("label shift")
    assert found.value == pytest.approx(RIGHT @ MANY_CATS, abs=0.03)


def test_a_loss_with_the_old_mix_of_classes_is_not():
    worse = drawn(5_000, EQUAL, seed=2, right=(0.7, 0.6, 0.5))
    found = judged(plan_of("null"), drawn(20_000, EQUAL), worse)["realized", "accuracy"]
    assert found.level is Level.WARNING
    assert found.evidence.startswith("concept drift")
    assert re.search(r"label explains \d% of the loss", found.evidence)


def test_before_labels_come_the_new_shares_are_estimated_and_paged():
    now = drawn(5_000, MANY_CATS, seed=2, labelled=False)
    found = shares_in(judged(plan_of(), drawn(20_000, EQUAL), now))
    for view, share in zip(found, MANY_CATS, strict=True):
        assert view.value == pytest.approx(share, abs=0.03)
        assert view.lower < view.value < view.upper
        assert view.baseline == pytest.approx(1 / 3, abs=0.02)
        assert view.level >= Level.WARNING
        assert (view.reason, view.rows) == (SHIFTED, 5_000)
        assert "assumes that P(row | label) is as in the baseline" in view.evidence
    assert found[2].level is Level.CRITICAL
    assert found[0].rule == "model.label_share.ant.estimated"
    assert found[0].rule in plan_of().rules


def test_the_same_mix_is_fine_and_limits_are_held_against_the_nearer_end_of_the_interval():
    before = drawn(20_000, EQUAL)
    same = shares_in(judged(plan_of(), before, drawn(2_000, EQUAL, seed=3, labelled=False)))
    assert {(view.level, view.evidence) for view in same} == {(Level.OK, "")}
    # About 0.15 more cats: of 200 rows nobody can be sure that it is more than 0.1, of 5,000 one can.
    mix = (0.26, 0.25, 0.49)
    few, many = (shares_in(judged(plan_of(), before, drawn(n, mix, seed=4, labelled=False)))[2] for n in (200, 5_000))
    assert (few.level, many.level) == (Level.OK, Level.WARNING)
    off = judged(plan_of("{warning: null, critical: null}"), before, drawn(5_000, MANY_CATS, seed=2))
    assert {view.level for view in shares_in(off)} == {Level.OK}


def test_what_cannot_be_told_is_unknown_with_the_reason():
    now = drawn(2_000, EQUAL, seed=2, labelled=False)
    guessing = drawn(5_000, EQUAL, right=(1 / 3, 1 / 3, 1 / 3))
    no_cats = drawn(5_000, (0.5, 0.5, 0.0))
    unlabelled = drawn(5_000, EQUAL, labelled=False)
    for before, here, reason in (
        (guessing, now, ALIKE),
        (no_cats, now, CLASS_MISSING),
        (unlabelled, now, NO_LABELS),
        (drawn(5_000, EQUAL), drawn(50, EQUAL), TOO_FEW),
        (drawn(5_000, EQUAL), None, NO_ROWS),
    ):
        found = shares_in(judged(plan_of(metrics="[]"), before, here))
        assert {(view.level, view.reason) for view in found} == {(Level.UNKNOWN, reason)}


def test_of_two_classes_the_daemon_says_the_share_of_the_positive_one(tmp_path):
    config = configured("label_shift: {warning: 0.05, critical: 0.3}")
    before = outcomes(4_000, seed=9)
    # Nine in ten of those that were not bought are gone.
    rows = [row for i, row in enumerate(outcomes(1_200, seed=2)) if row["bought"] or i % 10 == 0]
    unlabelled = [{name: row[name] for name in row if name != "bought"} for row in rows]
    rig = ModelRig(tmp_path, config, baseline_of(config, before))
    try:
        rig.write(unlabelled)
        rig.rig.until_end()
        said = [line for line in rig.said() if line["metric"].startswith("label_share.")]
        firing = {alert.labels["rule"] for alert in rig.rig.snapshots[-1].alerts}
    finally:
        rig.rig.crash()
    assert {line["metric"] for line in said} == {"label_share.true"}
    whole = [line for line in said if not line["segment"] and line["rows"]]
    truth = np.mean([row["bought"] for row in rows])
    assert np.mean([line["value"] for line in whole]) == pytest.approx(truth, abs=0.08)
    assert {line["source"] for line in said} == {"estimated"}
    assert "model.label_share.true.estimated" in firing
    assert estimate(config, 1).series > estimate(configured(), 1).series


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("LIMITS", "{warning: 0.3, critical: 0.2}"), "model.label_shift"),
        (("LIMITS", "{warning: 2}"), "model.label_shift.warning"),
        (("baseline: {kind: file, path: nowhere}\n", ""), "model.label_shift"),
        ((", role: label", ""), "model.label_shift"),
        (("category", "number"), "model.label_shift"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(change: tuple[str, str], path: str):
    text = CONFIGURATION.replace(*change).replace("LIMITS", "{}").replace("METRICS", "[]")
    if change[0] == "category":
        text = text.replace(", allowed: [ant, bee, cat]", "")
    with pytest.raises(ConfigError) as caught:
        load(text, {})
    assert path in {problem.path for problem in caught.value.problems}
