"""What became another between two configurations, and what of it a running daemon cannot take."""

from __future__ import annotations

import json

import pytest

from monitor.config.differences import RESTART, differences, masked_tree_of, restart_problems, tree_of
from tests.support.configurations import INTERFACE, changed, configured


def lines(text: str, **env: str) -> tuple[str, ...]:
    return differences(tree_of(configured()), tree_of(configured(text, **env)))


def test_equal_configurations_have_none():
    assert lines(INTERFACE) == ()
    assert restart_problems(configured(), configured()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("warning: 0.1, critical: 0.25", "warning: 0.2, critical: 0.25"), ("drift[psi].warning: 0.1 -> 0.2",)),
        (("range: [0, 100000]", "range: [0, 5]"), ("fields.amount.range: [0.0, 100000.0] -> [0.0, 5.0]",)),
        (('  "merchant.mcc": {type: category}\n', ""), ("fields.merchant.mcc: removed",)),
        (("  note:     {type: text}\n", "  note: {type: text}\n  new: {type: number}\n"), ("fields.new: added",)),
        (("dead_letter: {topic: payments.dead}\n", ""), ("dead_letter: removed",)),
        (("lateness: 30s", "lateness: 90s"), ('time.lateness: "30s" -> "90s"',)),
        (("  - {kind: volume, min_per_window: 1}\n", "  - {kind: volume}\n"), ()),
        (("min_per_window: 1}", "max_per_window: 9}"), ("checks[volume].max_per_window: null -> 9",)),
    ],
)
def test_each_is_a_field_path_with_both_values(change, expected):
    assert lines(changed(change)) == expected


def test_entries_of_a_list_are_told_apart_by_name_and_not_by_their_place():
    sinks = "sinks:\n"
    first = "sinks:\n  - {kind: log, name: first}\n"
    assert lines(changed((sinks, first))) == ("sinks[first]: added",)
    psi, ks = (line + "\n" for line in INTERFACE.splitlines() if "kind: psi" in line or "kind: ks" in line)
    assert lines(changed((psi, ""), (ks, ks + psi))) == ("drift: another order",)


def test_a_secret_and_what_comes_from_outside_are_compared_but_never_shown():
    found = lines(INTERFACE, HOOK_SECRET="another-secret-value", KAFKA_PASSWORD="another-password")
    assert found == ("source.security.password: changed (a secret)", "sinks[hook].secret: changed (a secret)")
    text = changed(("topic: payments.dead", 'topic: "${DEAD}"'))
    one, other = configured(text, DEAD="sesame.one"), configured(text, DEAD="sesame.other")
    assert differences(tree_of(one), tree_of(other)) == ("dead_letter.topic: changed (a secret)",)
    for config in (one, other):
        stored = json.dumps(masked_tree_of(config))
        assert "sesame" not in stored
        assert "correct-horse" not in stored


def test_what_is_stored_is_compared_as_far_as_it_goes():
    text = changed(("warning: 0.1, critical: 0.25", "warning: 0.2, critical: 0.25"))
    stored = json.loads(json.dumps(masked_tree_of(configured())))
    after = json.loads(json.dumps(masked_tree_of(configured(text, HOOK_SECRET="another-secret-value"))))
    assert differences(stored, after) == ("drift[psi].warning: 0.1 -> 0.2",)


def test_values_are_short_and_lines_are_few():
    many = {"fields": {f"f{n}": {"type": "number"} for n in range(500)}}
    found = differences({"fields": {}}, many)
    assert len(found) == 201
    assert found[-1] == "and 300 more"
    (line,) = differences({"x": "a"}, {"x": "b" * 10_000})
    assert len(line) < 120


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("name: payments\n", "name: others\n"), "name"),
        (("topics: [payments]", "topics: [payments, others]"), "source.topics"),
        (("start: latest", "start: earliest"), "source.start"),
        (("store: {path: /var/lib/driftline", "store: {path: /elsewhere"), "store.path"),
        (("0.0.0.0:9108", "0.0.0.0:9109"), "http.listen"),
        (
            ('http: {listen: "0.0.0.0:9108"', 'http: {listen: "0.0.0.0:9108", tls: {cert_file: c, key_file: k}'),
            "http.tls",
        ),
    ],
)
def test_what_needs_a_restart_has_its_path_its_reason_and_the_remedy(change, path):
    (problem,) = restart_problems(configured(), configured(changed(change)))
    assert problem.path == path
    assert any(why in problem.message for _, why in RESTART)
    assert problem.remedy == "restart the daemon"


def test_everything_else_is_taken():
    text = changed(
        ("lateness: 30s", "lateness: 90s"),
        ("checkpoint_interval: 5s, history: 30d", "checkpoint_interval: 1s, history: 9d"),
        ("raise_after: 2", "raise_after: 3"),
        ("max_series: 20000", "max_series: 2"),
        ("dead_letter: {topic: payments.dead}", "dead_letter: {topic: other.dead}"),
    )
    assert restart_problems(configured(), configured(text)) == []
