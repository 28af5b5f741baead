"""The measures of a text field in the configuration: their fields, detectors and names, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.compile import build_decoder, compile_plan, decode_plan
from monitor.config.estimate import estimate
from monitor.config.loader import load
from monitor.decoders.deriving import Deriving
from monitor.errors import ConfigError
from monitor.inner_types import WORDS

CONFIGURATION = """\
name: texts
source: {kind: files, paths: [unused.jsonl]}
BASELINE
fields:
  note: {type: text, text: TEXT}
  country: {type: category}
MORE
"""
BASELINE = "baseline: {kind: file, path: nowhere}\ndrift: [{kind: psi}, {kind: missing}, {kind: ks}]"


def configured(tmp_path: Any, text: str = "{}", more: str = "", baseline: str = BASELINE) -> Any:
    path = tmp_path / "driftline.yaml"
    path.write_text(CONFIGURATION.replace("TEXT", text).replace("MORE", more).replace("BASELINE", baseline))
    return load(path)


def problems(tmp_path: Any, *arguments: str, **named: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, *arguments, **named)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def kinds(config: Any) -> dict[str, list[str]]:
    return {path: [detector.kind for detector in config.detectors_for(path)] for path in config.watched}


def test_the_usual_measures_are_fields_with_the_usual_detectors(tmp_path):
    config = configured(tmp_path)
    assert kinds(config) == {
        "note": ["missing"],
        "country": ["psi", "missing"],
        "note.length": ["psi", "ks"],
        "note.words": ["psi", "ks"],
        "note.mean_word_length": ["psi", "ks"],
        "note.repetition": ["psi", "ks"],
        "note.script": ["psi"],
    }
    assert list(decode_plan(config).fields) == ["note", "country"]


def test_the_words_are_a_field_of_a_type_that_nobody_can_configure(tmp_path):
    config = configured(tmp_path, "{measures: [], vocabulary: true, drift: [{kind: unseen}, {kind: psi}]}")
    assert kinds(config)["note.vocabulary"] == ["unseen", "psi"]
    assert config.watched["note.vocabulary"].kept_type == WORDS
    assert problems(tmp_path, more="  other: {type: words}")[0][0] == "fields.other.type"


def test_detectors_of_the_measures_replace_the_defaults_as_far_as_they_fit(tmp_path):
    found = kinds(configured(tmp_path, "{measures: [words, script], drift: [{kind: ks}, {kind: unseen}]}"))
    assert (found["note.words"], found["note.script"], found["country"]) == (["ks"], ["unseen"], ["psi", "missing"])


def test_without_measures_the_decoder_is_the_decoder(tmp_path):
    plain = build_decoder(configured(tmp_path, "null"), files=True)
    assert not isinstance(plain._inner, Deriving)
    assert isinstance(build_decoder(configured(tmp_path), files=True)._inner, Deriving)


def test_a_measure_can_be_checked_segmented_grouped_and_followed(tmp_path):
    config = configured(
        tmp_path,
        more="""\
checks: [{kind: range, field: note.words, min: 1}]
segments: [{field: note.script, values: [latin, cyrillic]}]
groups: [{name: shape, fields: [note.words, note.repetition]}]
sequential: [{kind: adwin, field: note.repetition, statistic: mean}]
""",
    )
    plan = compile_plan(config.model_copy(update={"baseline": None, "groups": ()}), None)
    assert plan.fields["note.words"] == "integer"
    assert "note.words" in {check.spec.field for check in plan.row_checks}
    assert plan.segmenter.labels[1] == "note.script=latin"


def test_the_estimate_counts_what_is_made(tmp_path):
    few, many = configured(tmp_path, "{measures: [words]}"), configured(tmp_path, "{vocabulary: true}")
    assert (estimate(few, 1).fields, estimate(many, 1).fields) == (3, 8)
    assert estimate(many, 1).state_bytes > estimate(few, 1).state_bytes
    assert estimate(many, 1).series > estimate(few, 1).series


@pytest.mark.parametrize(
    ("text", "more", "path"),
    [
        ("{measures: [words, words]}", "", "fields.note.text"),
        ("{measures: []}", "", "fields.note.text"),
        ("{measures: [wrods]}", "", "fields.note.text.measures[0]"),
        ("{max_chars: 10}", "", "fields.note.text.max_chars"),
        ("{measures: [words], drift: [{kind: unseen}]}", "", "fields.note.text.drift[0]"),
        ("{drift: [{kind: psi}, {kind: psi}]}", "", "fields.note.text.drift[1].kind"),
        ("{}", "  amount: {type: number, text: {}}", "fields.amount.text"),
        ("{}", "  $header.a: {type: text, text: {}}\n  $header.a.words: {type: text}", 'fields."$header.a.words"'),
        ("{}", "  note.words: {type: number}", 'fields."note.words"'),
        ("{}", "time: {field: note.length}", "time.field"),
        ("{vocabulary: true}", "checks: [{kind: empty, field: note.vocabulary}]", "checks[0].field"),
        ("{vocabulary: true}", "segments: [{field: note.vocabulary}]", "segments[0].field"),
        (
            "{}",
            "  v: {type: vector, dimension: 2000}\nchecks: [{kind: near_duplicates, field: v, capacity: 1000000}]",
            "checks[0].capacity",
        ),
        ("{}", "checks: [{kind: near_duplicates, field: note.words}]", "checks[0].field"),
        ("{}", "checks: [{kind: regex, field: note.words, pattern: a}]", "checks[0].field"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(tmp_path, text, more, path):
    assert path in {found for found, _ in problems(tmp_path, text, more)}


def test_measures_without_a_baseline_have_statistics_and_no_drift(tmp_path):
    config = configured(tmp_path, baseline="")
    assert set(map(tuple, kinds(config).values())) == {()}
    assert problems(tmp_path, "{drift: [{kind: psi}]}", baseline="")[0][0] == "fields.note.text.drift"


def test_the_memory_of_near_duplicates_is_that_of_their_type(tmp_path):
    checks = "checks: [{kind: near_duplicates, field: FIELD}]"
    vectors = "  v: {type: vector, dimension: 1536}\n"
    of_texts = estimate(configured(tmp_path, more=vectors + checks.replace("FIELD", "note")), 1).memory_bytes
    of_vectors = estimate(configured(tmp_path, more=vectors + checks.replace("FIELD", "v")), 1).memory_bytes
    assert 25e6 < of_texts < 30e6
    assert of_vectors == 5_256 * (4 * 1_536 + 8)
