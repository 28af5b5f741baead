"""The measures of a model's sureness in the configuration: their fields, detectors and names, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.baseline import BaselineFiles, Lineage
from monitor.compile import build_decoder, compile_plan, decode_plan, load_baseline
from monitor.config.estimate import estimate
from monitor.config.loader import load
from monitor.decoders.deriving import Deriving
from monitor.errors import ConfigError
from tests.support.models import baseline_of, outcomes
from tests.support.models import configured as shop

CONFIGURATION = """\
name: shop
source: {kind: files, paths: [unused.jsonl]}
BASELINE
fields:
  score: {type: number, role: probability}
  bought: {type: boolean, role: label}
MORE
model: {sureness: SURENESS}
"""
BASELINE = "baseline: {kind: file, path: nowhere}\ndrift: [{kind: psi}, {kind: missing}, {kind: unseen}]"
ALL = ["entropy", "confidence", "margin"]


def configured(sureness: str = "{}", more: str = "", baseline: str = BASELINE):
    text = CONFIGURATION.replace("SURENESS", sureness).replace("MORE", more).replace("BASELINE", baseline)
    return load(text, {})


def test_of_two_classes_entropy_says_it_all_and_is_a_field_with_the_usual_detectors():
    config = configured()
    assert list(config.watched) == ["score", "bought", "score.entropy"]
    assert [detector.kind for detector in config.detectors_for("score.entropy")] == ["psi"]
    assert list(decode_plan(config).fields) == ["score", "bought"]


def test_of_more_classes_all_measures_are_fields_named_by_the_prediction():
    fields = "".join(f"  p_{name}: {{type: number, role: probability, of: {name}}}\n" for name in "abc")
    fields += "  said: {type: category, role: prediction}"
    head, _, tail = CONFIGURATION.partition("  score: ")
    text = head + tail[tail.index("MORE") :]
    text = text.replace("SURENESS", "{}").replace("MORE", fields).replace("BASELINE", "")
    assert list(load(text, {}).watched)[4:] == ["said.confidence", "said.margin", "said.entropy"]


def test_detectors_of_the_measures_replace_the_defaults():
    config = configured("{measures: [margin, entropy], drift: [{kind: ks}]}")
    for name in ("score.margin", "score.entropy"):
        assert [detector.kind for detector in config.detectors_for(name)] == ["ks"]


def test_without_it_the_decoder_is_the_decoder():
    assert not isinstance(build_decoder(configured("null"), files=True)._inner, Deriving)
    assert isinstance(build_decoder(configured(), files=True)._inner, Deriving)


def test_a_measure_can_be_checked_and_followed_and_is_counted():
    more = """\
checks: [{kind: range, field: score.entropy, max: 0.9}]
sequential: [{kind: adwin, field: score.entropy, statistic: mean}]
"""
    plan = compile_plan(configured(more=more, baseline=""), None)
    assert plan.fields["score.entropy"] == "number"
    assert "score.entropy" in {check.spec.field for check in plan.row_checks}
    one, three = configured(), configured(f"{{measures: [{', '.join(ALL)}]}}")
    assert (estimate(one, 1).fields, estimate(three, 1).fields) == (3, 5)
    assert estimate(three, 1).series > estimate(one, 1).series


def test_a_baseline_that_was_built_without_it_is_refused_with_the_remedy(tmp_path: Path):
    built = baseline_of(shop(), outcomes(300))
    BaselineFiles(tmp_path).save(built, Lineage(1, "x", 300, 0, 300))
    here = shop("sureness: {drift: [{kind: psi}]}").baseline.model_copy(update={"path": str(tmp_path)})
    with pytest.raises(ConfigError) as caught:
        load_baseline(shop("sureness: {drift: [{kind: psi}]}").model_copy(update={"baseline": here}))
    [problem] = caught.value.problems
    assert (problem.path, problem.message) == ("fields.score.entropy", "the baseline does not have this field")
    assert problem.remedy.startswith("build the baseline again")
    # Without detectors nothing is compared, and the old baseline does.
    assert load_baseline(shop("sureness: {}").model_copy(update={"baseline": here})) is not None


@pytest.mark.parametrize(
    ("sureness", "more", "baseline", "path"),
    [
        ("{measures: [entropy, entropy]}", "", BASELINE, "model.sureness.measures"),
        ("{measures: []}", "", BASELINE, "model.sureness.measures"),
        ("{measures: [enthropy]}", "", BASELINE, "model.sureness.measures[0]"),
        ("{drift: [{kind: unseen}]}", "", BASELINE, "model.sureness.drift[0]"),
        ("{drift: [{kind: psi}, {kind: psi}]}", "", BASELINE, "model.sureness.drift[1].kind"),
        ("{drift: [{kind: psi}]}", "", "", "model.sureness.drift"),
        ("{}", "  score.entropy: {type: number}", "", 'fields."score.entropy"'),
        ("{}", "time: {field: score.entropy}", "", "time.field"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(sureness: str, more: str, baseline: str, path: str):
    with pytest.raises(ConfigError) as caught:
        configured(sureness, more, baseline)
    assert path in {problem.path for problem in caught.value.problems}


def test_a_model_without_probabilities_cannot_say_how_sure_it_is():
    text = CONFIGURATION.replace("{type: number, role: probability}", "{type: boolean, role: prediction}")
    with pytest.raises(ConfigError) as caught:
        load(text.replace("SURENESS", "{}").replace("MORE", "").replace("BASELINE", ""), {})
    assert [problem.path for problem in caught.value.problems] == ["model.sureness"]
