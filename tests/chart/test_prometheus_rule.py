"""The PrometheusRule is alerts/, but for what the values change; promtool and its tests agree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.helm import CHART, ROOT, only, render, rendered
from tests.support.prometheus import binary

pytestmark = pytest.mark.prometheus
RULES = sorted((ROOT / "alerts/rules").glob("*.rules.yaml"))
# The objectives' tests take seconds each; that what they test is installed unchanged is a test of its own.
TESTS = sorted(set((ROOT / "alerts/tests").glob("*.test.yaml")) - set((ROOT / "alerts/tests").glob("slo-*")))


def groups_of(objects) -> list[dict[str, Any]]:
    return only(objects, "PrometheusRule")["spec"]["groups"]


def alerts(objects) -> list[dict[str, Any]]:
    return [rule for group in groups_of(objects) for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([binary("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_change_they_are_those_of_the_project():
    wanted = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    found = groups_of(rendered("rules-default"))
    assert sorted(found, key=lambda group: group["name"]) == sorted(wanted, key=lambda group: group["name"])
    assert "__" not in yaml.safe_dump(found)


@pytest.mark.parametrize("name", ["rules-default", "rules", "rules-absent"])
def test_promtool_finds_no_fault(name, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups_of(rendered(name))}))
    promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name)
def test_the_project_s_tests_of_rules_pass_on_what_is_installed(test, tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    found = {group["name"]: group for group in groups_of(rendered("rules-default"))}
    for path in RULES:
        names = [group["name"] for group in yaml.safe_load(path.read_text())["groups"]]
        (tmp_path / "rules" / path.name).write_text(yaml.safe_dump({"groups": [found[name] for name in names]}))
    copy = tmp_path / "tests" / test.name
    copy.write_text(test.read_text())
    promtool("test", "rules", copy)


def test_what_is_asked_of_an_alert_is_done():
    found = {rule["alert"]: rule for rule in alerts(rendered("rules"))}
    assert "DriftlineWatchdog" not in found
    lagging = found["DriftlineLagging"]
    assert lagging["expr"] == "monitor:driftline_consumer_lag_seconds:max > 900"
    assert (lagging["for"], lagging["keep_firing_for"]) == ("15m", "10m")
    assert lagging["labels"] == {"severity": "critical", "pager": "yes", "team": "data"}
    assert found["DriftlineRejects"]["expr"] == "monitor:driftline_rejects:ratio_rate15m > 0.2"
    assert found["DriftlineRejects"]["annotations"]["note"] == "they are expected on Mondays"
    assert found["DriftlineDrift"]["labels"] == {"team": "data"}, "its severity is that of the series"
    for name, rule in found.items():
        assert rule["annotations"]["runbook_url"] == f"https://docs.example.com/runbooks/{name}.html"
        assert rule["annotations"]["dashboard_url"] == "https://grafana.example.com/d/driftline-fleet"
    assert groups_of(rendered("rules"))[-1]["name"] == "own"


def test_an_objective_changes_its_alerts_and_their_words():
    found = [rule for rule in alerts(rendered("rules")) if rule["alert"] == "DriftlineDelayBudgetBurn"]
    assert [rule["expr"].split("\n")[0].split(" > ")[1] for rule in found] == ["0.72", "0.3", "0.15", "0.05"]
    assert all(rule["expr"].count(rule["expr"].split("\n")[0].split(" > ")[1]) >= 2 for rule in found)
    assert all("; 5 % is the objective." in rule["annotations"]["description"] for rule in found)
    other = [rule for rule in alerts(rendered("rules")) if rule["alert"] == "DriftlineProcessedBudgetBurn"]
    assert all("; 0.05 % is the objective." in rule["annotations"]["description"] for rule in other)


def test_every_threshold_can_be_changed():
    copies = [yaml.safe_load(path.read_text()) for path in CHART.glob("files/rules/*.yaml")]
    names = {r["alert"] for copy in copies for group in copy["groups"] for r in group["rules"] if "threshold" in r}
    assert {"DriftlineLagging", "DriftlineRejects", "DriftlineWatermarkStuck", "DriftlineCheckpointStale"} <= names
    changes = {name: {"threshold": 4242.5} for name in names}
    for rule in alerts(render({"prometheusRule": {"enabled": True, "alerts": changes}})):
        assert ("> 4242.5" in rule["expr"]) == (rule["alert"] in names)


def test_each_monitor_can_be_missed_by_its_name():
    (rule,) = alerts(rendered("rules-absent"))
    assert rule["alert"] == "DriftlineAbsent"
    assert rule["expr"] == 'absent(driftline_ready{monitor="clicks"})'
    assert (rule["for"], rule["labels"]) == ("5m", {"severity": "critical"})
    (rule,) = [rule for rule in alerts(rendered("rules")) if rule["alert"] == "DriftlineAbsent"]
    assert rule["expr"] == 'absent(driftline_ready{monitor="payments"})', "instead of the one for all"
    assert (rule["for"], rule["labels"]["severity"]) == ("10m", "warning")


def test_links_to_dashboards_lead_to_ones_own_grafana(tmp_path):
    chart = shutil.copytree(CHART, tmp_path / "driftline")
    path = chart / "files/rules/driftline.rules.yaml"
    rules = yaml.safe_load(path.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["annotations"]["dashboard_url"] = "https://grafana.example/d/x?var-monitor={{ $labels.monitor }}"
    path.write_text(yaml.safe_dump(rules))
    on = {"prometheusRule": {"enabled": True, "grafanaUrl": "https://grafana.example.com/"}}
    found = {rule["annotations"].get("dashboard_url", "") for rule in alerts(render(on, chart))}
    assert {url for url in found if "/d/x?" in url} == {
        "https://grafana.example.com/d/x?var-monitor={{ $labels.monitor }}"
    }
