"""`driftline notify test`: what it sends, prints and returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.exits import SURROUNDINGS
from tests.support.command_line import answer, invoke
from tests.support.receiver import Receiver, Reply, Request, always

KEY = "hunter2hunter2hunter2hunter2hunt"
NAMES = ["am", "hook", "k", "mail", "oncall", "room", "text"]


def write(directory: Path, url: str) -> Path:
    """Return a configuration with a sink of every kind."""
    file = directory / "driftline.yaml"
    file.write_text(f"""\
name: payments
source: {{kind: files, paths: [records.jsonl]}}
checks: [{{kind: volume, min_per_window: 1}}]
links: {{console: "https://drift.example", runbooks: "https://docs.example"}}
sinks:
  - {{kind: alertmanager, name: am, urls: ["{url}"], username: u, password: hunter2-password}}
  - {{kind: pagerduty, name: oncall, routing_key: {KEY}, url: "{url}/enqueue", min_severity: critical}}
  - {{kind: slack, name: room, url: "{url}/hunter2"}}
  - {{kind: webhook, name: hook, url: "{url}/hunter2?q=hunter2", secret: hunter2-a, previous_secret: hunter2-b,
      headers: {{Authorization: Bearer hunter2-token, X-Other: hunter2-other}}}}
  - {{kind: kafka, name: k, topic: alerts, bootstrap_servers: "127.0.0.1:9"}}
  - {{kind: apprise, name: mail, url: "{url.replace("http:", "json:")}/hunter2"}}
  - {{kind: log, name: text}}
""")
    return file


def bodies(receiver: Receiver) -> list[Any]:
    return [json.loads(request.body) for request in receiver.requests]


def test_a_trigger_and_its_resolve_are_sent_marked_as_a_test(tmp_path: Path) -> None:
    with Receiver(always(202)) as receiver:
        told = answer("notify", "test", "--sink", "oncall", "-c", write(tmp_path, receiver.url))
    trigger, resolve = bodies(receiver)
    assert told == "sink oncall took a test alert and its end\n"
    assert [trigger["event_action"], resolve["event_action"]] == ["trigger", "resolve"]
    assert trigger["dedup_key"] == resolve["dedup_key"]
    test = "TEST of sink oncall of monitor payments: nothing is wrong"
    assert trigger["payload"]["summary"] == f"2 alerts: TEST notify-test, TEST notify-test-2. {test}"
    assert trigger["payload"]["custom_details"]["alerts"] == f"[critical] {test}; [critical] {test}"
    assert trigger["payload"]["severity"] == "critical"
    assert {link["text"] for link in trigger["links"]} == {"Console", "Runbook"}


@pytest.mark.parametrize("name", ["am", "hook", "room", "mail"])
def test_every_sink_over_http_is_told_twice(name: str, tmp_path: Path) -> None:
    with Receiver() as receiver:
        answer("notify", "test", "--sink", name, "-c", write(tmp_path, receiver.url))
    assert len(receiver.requests) == 2
    assert all("TEST" in json.dumps(body) for body in bodies(receiver))


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_sends_nothing_and_prints_both_without_secrets(name: str, tmp_path: Path) -> None:
    with Receiver() as receiver:
        printed = answer("notify", "test", "--sink", name, "--dry-run", "-c", write(tmp_path, receiver.url))
    assert receiver.requests == []
    trigger, resolve = json.loads(printed)
    assert trigger["to"] == resolve["to"]
    assert "TEST of sink" in json.dumps(trigger["body"])
    assert trigger["body"] != resolve["body"]
    assert "hunter" not in printed
    # u:hunter2-password, as basic authentication has it
    assert "dTpodW50ZXIy" not in printed


def test_a_dry_run_prints_the_payload_as_it_is_but_for_the_key(tmp_path: Path) -> None:
    with Receiver(always(202)) as receiver:
        file = write(tmp_path, receiver.url)
        (trigger, _) = json.loads(answer("notify", "test", "--sink", "oncall", "--dry-run", "-c", file))
        answer("notify", "test", "--sink", "oncall", "-c", file)
    sent = bodies(receiver)[0]
    assert sent.pop("routing_key") == KEY
    assert trigger["body"].pop("routing_key") == "***"
    for body in (sent, trigger["body"]):
        del body["payload"]["timestamp"]
    assert sent == trigger["body"]


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_sink_that_does_not_take_it_ends_with_69(status: int, tmp_path: Path) -> None:
    with Receiver(always(status)) as receiver:
        result = invoke("notify", "test", "--sink", "oncall", "-c", write(tmp_path, receiver.url))
    assert result.exit_code == SURROUNDINGS
    assert f"sink oncall did not take the trigger: HTTP {status}" in result.stderr
    assert "hunter" not in result.output


def test_a_test_alert_that_stays_open_is_said(tmp_path: Path) -> None:
    def no_ends(request: Request) -> Reply:
        return Reply(202 if json.loads(request.body)["event_action"] == "trigger" else 500)

    with Receiver(no_ends) as receiver:
        result = invoke("notify", "test", "--sink", "oncall", "-c", write(tmp_path, receiver.url))
    assert result.exit_code == SURROUNDINGS
    assert "close it by hand" in result.stderr


def test_an_unknown_sink_is_a_mistake_of_usage_that_names_the_others(tmp_path: Path) -> None:
    result = invoke("notify", "test", "--sink", "nope", "-c", write(tmp_path, "http://127.0.0.1:9"))
    assert result.exit_code == 2
    assert "there is no sink nope" in result.stderr
