"""The Prometheus rules: checked and unit-tested by promtool, complete, and tested well enough to notice a change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.export.metrics import METRICS
from tests.support.prometheus import binary

pytestmark = pytest.mark.prometheus
ALERTS = Path(__file__).parents[2] / "alerts"
RULES = sorted((ALERTS / "rules").glob("*.rules.yaml"))
TESTS = sorted((ALERTS / "tests").glob("*.test.yaml"))
RUNBOOKS = ALERTS.parent / "docs" / "runbooks"


def alerts() -> list[dict[str, Any]]:
    """Return every alerting rule of every file."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)


def test_the_rules_are_sound():
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_every_rule_fires_when_it_should_and_only_then(path):
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_firing_and_not_firing():
    fires: set[tuple[str, str]] = set()
    silent: set[str] = set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                for found in case.get("exp_alerts", ()):
                    fires.add((case["alertname"], found["exp_labels"]["severity"]))
                if not case.get("exp_alerts"):
                    silent.add(case["alertname"])
    always = {"DriftlineWatchdog"}
    for rule in alerts():
        severity = rule.get("labels", {}).get("severity")
        tested = {level for name, level in fires if name == rule["alert"]}
        assert severity in tested if severity else {"warning", "critical"} & tested, rule["alert"]
        assert rule["alert"] in silent | always


def test_every_alert_says_what_how_bad_and_what_to_do():
    names = [rule["alert"] for rule in alerts()]
    assert len(names) > 20
    for rule in alerts():
        assert re.fullmatch(r"Driftline[A-Z][A-Za-z]+", rule["alert"])
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url", "dashboard_url"}
        assert notes["runbook_url"] == f"https://driftline.example/runbooks/{rule['alert']}.html"
        assert rule.get("labels", {"severity": "critical"})["severity"] in {"critical", "warning", "none"}


def test_every_alert_leads_to_a_dashboard_with_variables_that_it_has():
    boards = [json.loads(path.read_text()) for path in (ALERTS.parent / "dashboards").glob("*.json")]
    known = {board["uid"]: {variable["name"] for variable in board["templating"]["list"]} for board in boards}
    for rule in alerts():
        host, _, where = rule["annotations"]["dashboard_url"].partition("/d/")
        uid, _, query = where.partition("?")
        assert host == "https://grafana.example"
        assert set(re.findall(r"var-(\w+)=", query)) <= known[uid], rule["alert"]


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts()}))
def test_every_alert_has_a_runbook(name):
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert re.findall(r"^#+ (.+)$", text, re.MULTILINE) == [name, "Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert f"[{name}]({name}.md)" in (RUNBOOKS / "index.md").read_text()


def test_no_runbook_is_for_an_alert_that_is_gone():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"index"} == {rule["alert"] for rule in alerts()}


def test_every_metric_in_the_runbooks_is_exported():
    known = {metric.name for metric in METRICS}
    known |= {f"{m.name}_{end}" for m in METRICS if m.kind == "histogram" for end in ("bucket", "count", "sum")}
    for path in RUNBOOKS.glob("*.md"):
        assert set(re.findall(r"\bdriftline_\w+", path.read_text())) - known == set(), path.name


def test_every_metric_in_the_rules_is_exported():
    text = "\n".join(
        rule for path in RULES for rule in re.findall(r"(?<![:\w])driftline_\w+(?![:\w])", path.read_text())
    )
    known = {metric.name for metric in METRICS}
    known |= {f"{m.name}_{end}" for m in METRICS if m.kind == "histogram" for end in ("bucket", "count", "sum")}
    assert set(text.split()) - known == set()


def test_no_rule_resolves_because_a_level_is_absent():
    for rule in alerts():
        assert "driftline_drift_level" not in rule["expr"]
        assert "driftline_check_level" not in rule["expr"]


def test_the_objectives_rules_are_those_that_the_program_writes():
    made = subprocess.run([sys.executable, ALERTS / "slo.py"], capture_output=True, text=True, check=True).stdout
    assert made == (ALERTS / "rules/driftline-slo.rules.yaml").read_text()
