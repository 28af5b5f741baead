"""The Alertmanager configuration that is shipped: who hears of what, and what keeps quiet behind what."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from monitor.alerting.inhibition import Inhibition, inhibitions
from monitor.alerting.matching import Matcher, parse_matcher
from tests.support.prometheus import binary

pytestmark = pytest.mark.alertmanager
ALERTS = Path(__file__).parents[2] / "alerts"
CONFIGURATION = ALERTS / "alertmanager/alertmanager.yaml"


def amtool(*arguments: str | Path) -> str:
    done = subprocess.run([binary("amtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names() -> set[str]:
    """Return the names of all alerts of the rules."""
    groups = [g for path in (ALERTS / "rules").glob("*.yaml") for g in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_alertmanager_takes_the_configuration():
    assert "3 receivers" in amtool("check-config", CONFIGURATION)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=DriftlineDrift", "severity=critical", "monitor=payments", "field=amount"), "pagerduty,slack"),
        (("alertname=DriftlineDrift", "severity=warning", "monitor=payments", "field=amount"), "slack"),
        (("alertname=DriftlineCheck", "severity=critical", "monitor=payments"), "pagerduty,slack"),
        (("alertname=DriftlineAbsent", "severity=critical"), "pagerduty,slack"),
        (("alertname=DriftlineWatchdog", "severity=none"), "dead-mans-switch"),
        (("alertname=DriftlineSinkOpen", "severity=critical", "monitor=payments", "sink=am"), "pagerduty,slack"),
        (("alertname=DriftlineReloadFailed", "severity=warning", "monitor=payments"), "slack"),
        (("alertname=DriftlineDelayBudgetBurn", "severity=warning", "monitor=payments"), "slack"),
    ],
)
def test_each_alert_reaches_whom_it_should(labels, receivers):
    assert amtool("config", "routes", "test", f"--config.file={CONFIGURATION}", *labels).strip() == receivers


def test_every_name_that_the_configuration_speaks_of_is_an_alert():
    """A pattern may be longer than a name's beginning, but it must match one."""
    text = CONFIGURATION.read_text()
    for pattern in re.findall(r"alertname =~ \"([^\"]+)\"", text):
        for part in pattern.split("|") if "(" not in pattern else [pattern]:
            assert any(re.fullmatch(part, name) for name in names()), part
    for name in re.findall(r"alertname = (\w+)", text):
        assert name in names()


def test_nothing_silences_an_alert_that_is_its_own_cause():
    for rule in rules():
        sources, targets = ({m.name: m for m in side} for side in (rule.source, rule.target))
        shared = [(sources[name], targets[name]) for name in sources.keys() & targets.keys()]
        assert any(_contradict(a, b) for a, b in shared), rule


def test_the_daemon_holds_back_the_same_from_its_own_sinks():
    """Those that begin with an alert of the alert book; the others begin with one of the rules, not of the book."""
    of_the_book = {rule for rule in rules() if not any("Driftline" in m.value for m in rule.source if _is_of_rules(m))}
    assert of_the_book == set(inhibitions(["volume"], ["freshness"]))


def rules() -> list[Inhibition]:
    """Return the configuration's rules in our words."""
    return [
        Inhibition(
            tuple(map(parse_matcher, rule["source_matchers"])),
            tuple(map(parse_matcher, rule["target_matchers"])),
            tuple(rule.get("equal", ())),
        )
        for rule in yaml.safe_load(CONFIGURATION.read_text())["inhibit_rules"]
    ]


def _is_of_rules(matcher: Matcher) -> bool:
    return matcher.name == "alertname" and matcher.value not in ("DriftlineCheck", "DriftlineDrift")


def _contradict(one: Matcher, other: Matcher) -> bool:
    """Return whether no value fulfils both, of the values that the alerts of the rules and of the book have."""
    values = names() | {"", "volume", "freshness", "amount", "critical", "warning"}
    return not any(one.matches({one.name: value}) and other.matches({one.name: value}) for value in values)
