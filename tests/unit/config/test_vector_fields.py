"""What a configuration may say of a vector field, which checks take one, and what it will cost."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.baseline import profile_specs
from monitor.config.estimate import estimate
from monitor.config.field_size import field_bytes, state_bytes
from monitor.config.loader import load
from monitor.inner_types import vector_dimension, vector_type
from monitor.types import Column, FieldType, Groups
from tests.support.configurations import changed, configured, problems

HEAD = """\
name: documents
source: {kind: files, paths: [rows.jsonl]}
"""
FIELDS = "fields: {e: {type: vector, dimension: 8}, n: {type: number}, c: {type: category}}\n"


def said(text: str) -> list[tuple[str, str]]:
    return [(problem.path, f"{problem.message}; {problem.remedy}") for problem in problems(text)]


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ("{e: {type: vector}}", "fields.e", "needs its dimension"),
        ("{e: {type: number, dimension: 3}}", "fields.e.dimension", "only vector fields have a dimension"),
        ("{e: {type: vector, dimension: 0}}", "fields.e.dimension", "1"),
        ("{e: {type: vector, dimension: 2049}}", "fields.e.dimension", "limits.max_vector_dimension"),
        ("{e: {type: vector, dimension: 3, range: [0, 1]}}", "fields.e.range", "only number and integer"),
        ("{e: {type: vector, dimension: 3, allowed: [1]}}", "fields.e.allowed", "no list of allowed values"),
        ('{"$key": {type: vector, dimension: 3}}', "fields.$key.type", "use category or text"),
        ("{e: {type: vector, dimension: 3, drift: [{kind: psi}]}}", "fields.e.drift[0]", "cannot compare"),
        ("{n: {type: number, drift: [{kind: frechet}]}}", "fields.n.drift[0]", "only vector"),
    ],
)
def test_what_makes_no_sense_for_vectors_is_refused_where_it_stands(fields, path, message):
    found = said(f"{HEAD}baseline: {{kind: file, path: b}}\nfields: {fields}\n")
    assert [where for where, _ in found] == [path]
    assert message in found[0][1]


def test_delimited_records_have_no_vectors():
    found = said(f"{HEAD}decoder: {{kind: delimited, columns: [e, n, c]}}\n{FIELDS}")
    assert found[0][0] == "fields.e.type"
    assert "use another decoder" in found[0][1]


def test_the_cap_can_be_raised():
    config = load(f"{HEAD}limits: {{max_vector_dimension: 3072}}\nfields: {{e: {{type: vector, dimension: 3072}}}}\n")
    assert config.fields["e"].kept_type == "vector[3072]"


def test_a_vector_is_no_segment_and_no_event_time():
    found = said(f"{HEAD}segments: [{{field: e, values: [a]}}]\ntime: {{field: e}}\n{FIELDS}")
    assert {where for where, _ in found} == {"segments[0].field", "fields.e.type"}


@pytest.mark.parametrize(
    "check",
    [
        "{kind: range, field: e, min: 0}",
        "{kind: allowed, field: e, values: [1]}",
        "{kind: empty, field: e}",
        "{kind: placeholder, field: e}",
        "{kind: regex, field: e, pattern: a}",
        "{kind: format, field: e, format: uuid}",
        "{kind: length, field: e, min: 1}",
        "{kind: numeric_text, field: e}",
        "{kind: compare, field: e, op: '>', value: 0}",
        "{kind: compare, field: n, op: '>', other: e}",
        '{kind: sql, name: s, expression: "e IS NOT NULL"}',
        '{kind: sql, name: s, expression: "n > 0 OR e = e"}',
        "{kind: duplicates, key: [c, e]}",
        "{kind: monotonic, field: e}",
        "{kind: monotonic, field: n, by: [e]}",
        "{kind: sequence, field: e}",
        "{kind: text, field: e, measure: words, min: 1}",
        "{kind: outliers, field: e}",
        "{kind: referential, field: e, file: f.txt}",
        "{kind: time_unit, field: e, unit: ms}",
        "{kind: time_zone, field: e, unit: ms}",
        "{kind: uniqueness, field: e}",
        "{kind: cardinality, field: e, min_distinct: 2}",
        "{kind: frequent, field: e}",
        "{kind: constant, field: e}",
        "{kind: balance, field: e, min_class_ratio: 0.1}",
    ],
)
def test_checks_of_values_and_keys_refuse_vectors(check):
    found = said(f"{HEAD}baseline: {{kind: file, path: b}}\nchecks: [{check}]\n{FIELDS}")
    assert all(where.startswith("checks[0]") for where, _ in found)
    assert "vector" in found[0][1]


def test_two_topics_are_not_aligned_by_vectors():
    text = changed(
        ("topics: [payments]", "topics: [payments, refunds]"),
        ("  note:     {type: text}", "  e: {type: vector, dimension: 3}"),
        ("{kind: volume, min_per_window: 1}", "{kind: align, left: payments, right: refunds, key: [e], compare: [e]}"),
    )
    assert {where for where, _ in said(text)} == {"checks[0].key", "checks[0].compare"}


@pytest.mark.parametrize("statistic", ["mean", "stddev", "distinct"])
def test_no_series_is_made_of_what_vectors_do_not_have(statistic):
    found = said(f"{HEAD}sequential: [{{kind: adwin, field: e, statistic: {statistic}}}]\n{FIELDS}")
    assert found[0][0] == "sequential[0].statistic"
    assert f"vector has no {statistic}" in found[0][1]


def test_a_series_of_the_frechet_distance_is_one():
    text = f"{HEAD}baseline: {{kind: file, path: b}}\ndrift: [{{kind: frechet}}]\n{FIELDS}"
    series = "sequential: [{kind: adwin, field: e, statistic: score, detector: frechet}]\n"
    assert len(load(text + series).sequential) == 1


@pytest.mark.parametrize("kind", ["required", "nullable", "missing", "type"])
def test_checks_of_presence_take_vectors(kind):
    config = load(f"{HEAD}checks: [{{kind: {kind}, field: e, name: mine}}, {{kind: schema}}]\n{FIELDS}")
    assert config.checks[0].field == "e"


def test_a_default_detector_is_applied_to_vectors_where_it_can_compare_them():
    text = changed(
        ("  note:     {type: text}", "  e: {type: vector, dimension: 8}"),
        ("{kind: ks, warning: 0.1, critical: 0.2}", "{kind: frechet}\n  - {kind: missing}"),
    )
    config = configured(text)
    kinds = {path: [detector.kind for detector in config.detectors_for(path)] for path in config.fields}
    assert kinds["e"] == ["frechet", "missing"]
    assert kinds["amount"] == ["psi", "missing"]


@pytest.mark.parametrize("dimension", [1, 16, 32, 33, 100])
def test_the_estimate_is_the_size_of_the_state(dimension):
    kind: FieldType = vector_type(dimension)
    fixed, per_group = field_bytes(kind, 0, True)
    for groups in (1, 3):
        total = 0
        for spec in profile_specs("e", kind):
            accumulator = spec.build(None, groups)
            codes = () if groups == 1 else (np.array([1, 2], np.int32),)
            accumulator.update(Column(np.ones((2, dimension)), np.zeros(2, np.uint8)), Groups(groups, codes))
            total += state_bytes(accumulator.state())
        assert total == fixed + groups * per_group


def test_a_large_vector_costs_its_square_once_whatever_the_segments_are():
    text = changed(("  note:     {type: text}", "  note: {type: vector, dimension: 384}"))
    few, many = (estimate(configured(text.replace("max: 20", f"max: {n}")), 1) for n in (10, 100))
    assert few.state_bytes > 3 * 8 * 384 * 385 // 2
    assert many.state_bytes - few.state_bytes < 3 * 90 * 20_000


def test_types_of_vectors_have_their_dimension():
    assert vector_type(384) == "vector[384]"
    assert vector_dimension("vector[384]") == 384
    assert vector_dimension("number") is None
    assert vector_dimension("vector") is None
