"""Backtests of real flights: the alerts of `replay`, the same from the store, and what other settings would do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import answer, invoke
from tests.support.flights import DAY_MS, Flights

pytestmark = [pytest.mark.xdist_group("backtest"), pytest.mark.slow]

FROM_MS, TO_MS = 1_367_366_400_000, 1_370_044_800_000
"""May 2013."""


@dataclass(frozen=True)
class Stage:
    """A directory with the flights of April and May and a baseline of the quarter before."""

    directory: Path

    @property
    def input(self) -> Path:
        return self.directory / "rows.jsonl"

    def config(self, name: str = "usual", *, warning: float = 0.1, tolerated: float = 0.0, more: str = "") -> Path:
        file = self.directory / f"{name}.yaml"
        file.write_text(f"""\
name: flights
source: {{kind: files, paths: [{self.input}]}}
time: {{field: time_hour, unit: iso8601, lateness: 1h}}
window: {{size: 1d}}
segments: [{{field: origin, max: 3}}]
baseline: {{kind: file, path: {self.directory}/baseline}}
store: {{path: {self.directory}/store}}
http: {{listen: "127.0.0.1:0"}}
fields:
  dep_delay: {{type: number, range: [-30, 600], max_failure_ratio: {tolerated}}}
  origin: {{type: category}}
  time_hour: {{type: text}}
drift: [{{kind: psi, warning: {warning}, critical: 0.25}}]
{more}""")
        return file

    def backtest(self, config: Path, *options: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(answer("backtest", "-c", config, *options))
        return found

    def of_input(self, config: Path, *options: str) -> dict[str, Any]:
        return self.backtest(config, "--input", str(self.input), *options)


@pytest.fixture(scope="module")
def stage(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The stage, with its baseline."""
    stage = Stage(tmp_path_factory.mktemp("backtest"))
    first = stage.directory / "first.jsonl"
    flights.write("time_hour < '2013-04-01'", first)
    flights.write("time_hour BETWEEN '2013-04-01' AND '2013-06-01'", stage.input)
    answer("baseline", "build", "-c", stage.config(), "--input", first)
    return stage


@pytest.fixture(scope="module")
def usual(stage: Stage) -> dict[str, Any]:
    """The backtest of the usual configuration."""
    return stage.of_input(stage.config())


@pytest.fixture(scope="module")
def sensitive(stage: Stage) -> dict[str, Any]:
    """The backtest of a configuration that warns sooner."""
    return stage.of_input(stage.config("sensitive", warning=0.04))


def transitions(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what an alert's lines would say of each beginning and end."""
    told: list[tuple[Any, ...]] = []
    for alert in found["fired"]:
        for spell in alert["spells"]:
            told.append(("firing", alert["fingerprint"], spell["severity"], alert["starts_at_ms"], None))
            if spell["to_ms"] is not None:
                told.append(("resolved", *told[-1][1:4], spell["to_ms"]))
    return sorted(told, key=str)


def named(alerts: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {(alert["rule"], alert["field"], alert["segment"], alert["fired_at_ms"]) for alert in alerts}


def test_the_alerts_are_those_of_a_replay(stage, usual):
    lines = [json.loads(line) for line in answer("replay", "-c", stage.config(), "--input", stage.input).splitlines()]
    keys = ("status", "fingerprint", "severity", "starts_at_ms", "ends_at_ms")
    alerts = [tuple(line[key] for key in keys) for line in lines if line["kind"] == "alert"]
    assert transitions(usual) == sorted(alerts, key=str)
    assert len(alerts) > 10
    incidents = {line["id"] for line in lines if line["kind"] == "incident"}
    assert usual["incidents"] == len(incidents) == usual["pages"]
    assert usual["windows"] == lines[-1]["windows"]
    assert usual["rows"] == lines[-1]["rows"]


def test_a_page_comes_when_its_window_is_complete_and_the_rate_is_that_of_the_weeks(usual):
    fired = {alert["fired_at_ms"] for alert in usual["fired"]}
    assert {page["at_ms"] - 3_600_000 for page in usual["paged"]} <= fired
    assert usual["weeks"] == pytest.approx((usual["to_ms"] - usual["from_ms"]) / (7 * DAY_MS))
    assert usual["pages_per_week"] == pytest.approx(usual["pages"] / usual["weeks"])
    assert usual["pages_per_week_lower"] < usual["pages_per_week"] < usual["pages_per_week_upper"]
    assert sum(rule["alerts"] for rule in usual["rules"]) == usual["alerts"]
    assert sum(rule["pages"] for rule in usual["rules"]) == usual["pages"]


def test_of_a_stretch_only_its_windows_count_but_all_before_it_were_judged(stage, usual):
    found = stage.of_input(stage.config(), "--from", "2013-05-01", "--to", "2013-06-01")
    assert (found["from_ms"], found["to_ms"], found["windows"]) == (FROM_MS, TO_MS, 31)
    inside = [alert for alert in usual["fired"] if FROM_MS < alert["fired_at_ms"] <= TO_MS]
    assert named(found["fired"]) == named(inside)
    assert [page["at_ms"] for page in found["paged"]] == [
        page["at_ms"] for page in usual["paged"] if FROM_MS < page["at_ms"] <= TO_MS + 3_600_000
    ]


def test_the_difference_is_what_only_one_of_two_backtests_has(stage, usual, sensitive):
    other = stage.config("sensitive", warning=0.04)
    found = stage.of_input(stage.config(), "--diff", str(other))
    diff = found.pop("diff")
    assert found == usual
    assert diff["settings"] == ["drift[psi].warning: 0.04 -> 0.1"]
    assert diff["old"]["alerts"] == sensitive["alerts"] == diff["same"] + len(diff["changed"]) + len(diff["removed"])
    assert usual["alerts"] == diff["same"] + len(diff["changed"]) + len(diff["added"])
    assert diff["removed"]
    assert named(diff["removed"]) <= named(sensitive["fired"])
    assert named([pair["new"] for pair in diff["changed"]]) <= named(usual["fired"])


def test_a_sweep_says_what_each_value_by_itself_would_and_the_budget_of_pages_is_kept(stage, usual, sensitive):
    values = "0.04,0.1,0.6"
    swept = stage.of_input(stage.config(), "--sweep", f"psi.warn={values}", "--at-most", "1")["sweep"]
    tried = {each["value"]: each for each in swept["values"]}
    assert list(tried) == [0.04, 0.1, 0.6]
    assert tried[0.1] == {"value": 0.1} | {key: usual[key] for key in tried[0.1] if key != "value"}
    assert tried[0.04] == {"value": 0.04} | {key: sensitive[key] for key in tried[0.04] if key != "value"}
    assert tried[0.04]["alerts"] > tried[0.1]["alerts"] > tried[0.6]["alerts"]
    kept = [value for value, each in tried.items() if each["pages_per_week"] <= 1]
    assert swept["answer"] == (kept[0] if kept else None)


def test_stored_panes_are_judged_anew_also_by_other_thresholds_and_another_policy(stage, usual):
    answer("run", "-c", stage.config())
    found = stage.backtest(stage.config())
    # The last window is not over when the input is, so the daemon has not judged it.
    last_ms = usual["to_ms"] - DAY_MS
    assert (found["to_ms"], found["windows"], found["unjudged"]) == (last_ms, usual["windows"] - 1, [])
    assert named(found["fired"]) == named([a for a in usual["fired"] if a["fired_at_ms"] <= last_ms])
    other = stage.backtest(stage.config("other", warning=0.04, tolerated=0.5), "--stored")
    assert (other["unjudged"], {rule["rule"] for rule in other["rules"]}) == ([], {"psi"})
    assert other["alerts"] > sum(rule["alerts"] for rule in found["rules"] if rule["rule"] == "psi") > 0
    budget = stage.backtest(stage.config("budget", more="policy: {kind: budget, false_pages: 1, per: 30d}\n"))
    assert {rule["rule"] for rule in budget["rules"]} == {"dep_delay.range"}
    assert budget["budget"]["promised"] == 1
    more = stage.config("more", more="checks: [{kind: sql, name: late, expression: 'dep_delay < 300'}]\n")
    assert stage.backtest(more)["unjudged"] == [{"rule": "late", "field": ""}]


def test_conditions_make_findings_and_mistakes_are_told_apart(stage, tmp_path):
    config, rows = stage.config(), str(stage.input)
    result = invoke("backtest", "-c", config, "--input", rows, "--fail-on", "alerts>3", "--fail-on", "critical>99")
    assert result.exit_code == 1
    assert "alerts>3 holds: alerts is" in result.stderr
    assert "critical" not in result.stderr
    json.loads(result.stdout)
    mistakes = (
        ("--fail-on", "added"),
        ("--sweep", "psy.warning=1"),
        ("--sweep", "psi.buckets=5,20"),
        ("--sweep", "psi.warning=x"),
        ("--at-most", "1"),
        ("--stored",),
        ("--from", "2013-05-02", "--to", "2013-05-01"),
        ("--sink", "nobody"),
    )
    for options in mistakes:
        assert invoke("backtest", "-c", config, "--input", rows, *options).exit_code == 2, options
    nowhere = invoke("backtest", "-c", config, "--input", rows, "--to", "2013-01-01")
    assert (nowhere.exit_code, "no window" in nowhere.stderr) == (69, True)
    assert invoke("backtest", "-c", config, "--input", str(tmp_path / "none.jsonl")).exit_code == 69
