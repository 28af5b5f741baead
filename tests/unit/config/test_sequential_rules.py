"""A sequential detector that fits nothing is refused at start, with its place and what to do."""

from __future__ import annotations

import pytest

from monitor.config.loader import load
from monitor.errors import ConfigError

HEAD = """
name: m
source: {kind: files, paths: [a.jsonl]}
baseline: {kind: file, path: b}
segments: [{field: country, max: 3}]
fields:
  amount: {type: number, range: [0, 10], drift: [{kind: psi}]}
  country: {type: category}
drift: [{kind: ks}]
checks: [{kind: volume}]
sequential:
"""


def problems(*specs: str, head: str = HEAD) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ConfigError) as error:
        load(head + "".join(f"  - {spec}\n" for spec in specs), {})
    return [(problem.path, problem.message, problem.remedy) for problem in error.value.problems]


@pytest.mark.parametrize(
    "spec",
    [
        "{kind: adwin, field: amount}",
        "{kind: adwin, field: country, statistic: missing_ratio, segments: true}",
        "{kind: adwin, field: country, statistic: distinct}",
        "{kind: kswin, field: amount, statistic: score, detector: psi}",
        "{kind: page_hinkley, statistic: rows, segments: true}",
        "{kind: page_hinkley, statistic: failure_ratio, check: amount.range}",
        "{kind: page_hinkley, field: amount, statistic: quantile, quantile: 0.99}",
        "{kind: ddm, check: amount.type}",
        "{kind: fhddm, check: volume}",
    ],
)
def test_what_fits_is_taken(spec):
    (found,) = load(HEAD + f"  - {spec}\n", {}).sequential
    assert found.kind in spec


@pytest.mark.parametrize(
    ("spec", "path", "says", "remedy"),
    [
        ("{kind: adwin, field: amout}", "field", "amout is not among the fields", "amount, country"),
        ("{kind: adwin, field: country}", "statistic", "category has no mean", "missing_ratio"),
        ("{kind: adwin, field: amount, statistic: score, detector: ks}", "detector", "no detector ks", "kind: ks"),
        ("{kind: ddm, check: amount.rang}", "check", "there is no check amount.rang", "amount.range"),
        ("{kind: adwin, statistic: failure_ratio, check: x}", "check", "there is no check x", "amount.range"),
        (
            "{kind: adwin, field: amount, statistic: distinct, segments: true}",
            "segments",
            "for all rows only",
            "remove",
        ),
        ("{kind: adwin, field: amount, name: psi}", "name", "already has a detector with the name psi", "another"),
        ("{kind: adwin, statistic: rows, field: amount}", "field", "the statistic rows has no field", "remove it"),
        ("{kind: adwin, field: amount, statistic: score}", "", "the statistic score needs detector", "add `detector`"),
        ("{kind: adwin, field: amount, quantile: 0.5}", "quantile", "mean has no quantile", "remove it"),
        ("{kind: adwin, field: amount, check: volume}", "check", "mean has no check", "remove it"),
        ("{kind: ddm}", "check", "is required and missing", None),
        (
            "{kind: kswin, field: amount, window_size: 50, stat_size: 30}",
            "",
            "more than half of window_size 50",
            "lower",
        ),
        ("{kind: ddm, check: volume, warning_threshold: 5}", "", "below warning_threshold 5", "exchange"),
        ("{kind: eddm, check: volume, beta: 0.9}", "", "alpha 0.6 is below beta 0.9", "exchange"),
        ("{kind: hddm_a, check: volume, drift_confidence: 0.1}", "", "is below drift_confidence 0.1", "exchange"),
        ("{kind: hddm_w, check: volume, drift_confidence: 0.1}", "", "is below drift_confidence 0.1", "exchange"),
        ("{kind: fhddm, check: volume, short_window_size: 100}", "", "not below sliding_window_size 100", "lower"),
        ("{kind: page_hinkley, field: amount, threshold: 0}", "threshold", "greater than 0", None),
        ("{kind: cusum, field: amount}", "kind", "unknown kind", "page_hinkley"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_a_remedy(spec, path, says, remedy):
    ((place, message, advice),) = problems(spec)
    assert place == "sequential[0]" + (f".{path}" if path else "")
    assert says in message
    assert remedy is None or remedy in str(advice)


def test_two_of_one_name_would_be_one_series():
    ((place, message, _),) = problems("{kind: adwin, field: amount}", "{kind: adwin, field: amount, delta: 0.1}")
    assert (place, message) == ("sequential[1].name", "amount already has a detector with the name adwin_mean")
    load(HEAD + "  - {kind: adwin, field: amount}\n  - {kind: adwin, field: amount, delta: 0.1, name: eager}\n", {})


def test_segments_must_be_configured():
    head = HEAD.replace("segments: [{field: country, max: 3}]\n", "")
    ((place, message, _),) = problems("{kind: adwin, field: amount, segments: true}", head=head)
    assert (place, message) == ("sequential[0].segments", "the configuration has no segments")
