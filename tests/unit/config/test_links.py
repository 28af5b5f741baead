"""The configuration of links and of the sinks that depend on other sections."""

from __future__ import annotations

import pytest

from monitor.errors import ConfigError
from tests.support.configurations import changed, configured

SINKS = '  - {kind: alertmanager, name: am, urls: ["http://alertmanager:9093"]}\n'


def with_links(links: str) -> str:
    return changed(("sinks:\n", f"links: {links}\nsinks:\n"))


def with_sink(sink: str) -> str:
    return changed((SINKS, f"{SINKS}  - {sink}\n"))


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        configured(text)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def test_a_console_and_runbooks_need_no_more_than_their_address():
    links = configured(with_links('{console: "https://c.example/p/", runbooks: "https://r.example/rb"}')).links.build()
    urls = links.annotations({"field": "amount", "segment": "c=D", "alertname": "DriftlineDrift"}, "f", 0, 0)
    assert urls == {
        "console_url": "https://c.example/p/fields/amount?segment=c%3DD",
        "runbook_url": "https://r.example/rb/DriftlineDrift.html",
    }


def test_a_template_of_ones_own_is_kept():
    links = configured(with_links('{runbooks: "https://r.example/?q={rule}", around: 30m}')).links.build()
    assert links.annotations({"rule": "psi"}, "f", 0, 0) == {"runbook_url": "https://r.example/?q=psi"}
    assert links.around_ms == 1_800_000


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("https://x.example/{fields}", "{fields} is no placeholder"),
        ("https://{field}.example/", "the host of a link cannot have a placeholder"),
        ("javascript:alert({field})", "not an http:// or https:// URL"),
        ("https://u:hunter2@x.example/", "credentials do not belong in a URL"),
    ],
)
def test_a_wrong_template_is_refused(template, says):
    (problem,) = problems(with_links(f'{{dashboard: "{template}"}}'))
    assert problem.startswith("links.dashboard: ")
    assert says in problem


@pytest.mark.parametrize(
    ("sink", "says"),
    [
        ("{kind: kafka, topic: payments}", "alerts would be read as records"),
        ("{kind: kafka, topic: payments.dead}", "alerts would go among the dead letters"),
    ],
)
def test_alerts_go_to_a_topic_of_their_own(sink, says):
    assert problems(with_sink(sink)) == [f"sinks[1].topic: {says}"]


def test_another_cluster_may_have_the_same_topic():
    sink = configured(with_sink('{kind: kafka, topic: payments, bootstrap_servers: "other:9092"}')).sinks[1]
    assert sink.bootstrap_servers == ("other:9092",)


def test_a_key_of_pagerduty_is_not_shown_in_a_problem():
    (problem,) = problems(with_sink("{kind: pagerduty, routing_key: hunter2hunter2}"))
    assert "integration key" in problem
    assert "hunter" not in problem
