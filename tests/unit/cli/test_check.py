from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from monitor import __version__
from monitor.cli import app
from monitor.config.loader import load
from tests.support.configurations import INTERFACE, changed

RECORDS = """\
{"event_time": 1760000000000, "amount": 5, "country": "DE", "note": "x", "extra": 1}
{"event_time": 1760000001000, "amount": -5, "country": "XX", "note": null}
{"event_time": 1760000002000, "amount": "5", "country": "DE"}
[1]
{"amount": 5, "country": "DE"}
"""


@pytest.fixture
def run(tmp_path: Path):
    file = tmp_path / "driftline.yaml"

    def invoke(text: str, *options: str) -> Result:
        file.write_text(text)
        return CliRunner().invoke(app, ["check", "-c", str(file), *options], env={"KAFKA_PASSWORD": "correct-horse"})

    return invoke


def of_files(tmp_path: Path, *changes: tuple[str, str]) -> str:
    """Return a configuration that reads the records above from a file."""
    records = tmp_path / "payments.jsonl"
    records.write_text(RECORDS)
    text = changed(("dead_letter: {topic: payments.dead}\n", ""), *changes)
    return re.sub(r"source:\n(  .*\n)+", f"source: {{kind: files, paths: ['{records}']}}\n", text)


def test_a_good_configuration_is_summarised(run):
    result = run(INTERFACE)
    assert result.exit_code == 0
    assert result.stdout.startswith("OK payments: 4 fields, 4 detectors, 9 checks, 2 sinks")
    for phrase in (
        "kafka: payments",
        "amount (number): psi, ks",
        "note (text): no drift",
        "hook (webhook)",
        "22 groups",
    ):
        assert phrase in result.stdout
    assert "4 fields x 22 groups x 3 panes x 8 partitions" in result.stdout


def test_the_effective_settings_show_defaults_but_no_secret(run):
    result = run(INTERFACE)
    shown = yaml.safe_load(result.stdout.split("effective settings, defaults included:\n")[1])
    assert shown["limits"]["max_nesting_depth"] == 64
    assert shown["source"]["refresh"] == "30s"
    assert "correct-horse" not in result.output
    assert "0123456789abcdef" not in result.output


def test_more_partitions_need_more_memory(run):
    few, many = (json.loads(run(INTERFACE, "-o", "json", "--partitions", n).stdout)["estimate"] for n in ("1", "64"))
    assert (few["partitions"], many["partitions"]) == (1, 64)
    assert many["state_bytes"] == 64 * few["state_bytes"]


def test_the_product_is_warned_about_before_it_hurts(run):
    text = changed(
        ("max_series: 20000", "max_series: 100, max_state_bytes: 1MiB"), ("psi, warning: 0.1", "psi, warning: 0.01")
    )
    result = run(text)
    assert result.exit_code == 0
    assert "more than limits.max_series = 100" in result.stdout
    assert "more than limits.max_state_bytes = 1.0 MiB" in result.stdout


def test_a_default_detector_that_fits_no_field_is_warned_about(run):
    text = changed(("  amount:   {type: number, required: true, nullable: false, range: [0, 100000]}\n", ""))
    assert "warning: drift[1]: ks can compare none of the fields" in run(text).stdout


def test_every_problem_is_one_line_on_stderr_with_exit_code_78(run, tmp_path):
    result = run(changed(("name: payments", "nam: payments"), ("kind: psi", "kind: psy")))
    assert (result.exit_code, result.stdout) == (78, "")
    file = tmp_path / "driftline.yaml"
    lines = result.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{file}:1", "nam"],
        [f"{file}:1", "name"],
        [f"{file}:24", "drift[0].kind"],
    ]
    assert "unknown kind (got psy); did you mean psi?" in lines[2]


def test_problems_are_json_on_stdout_where_json_is_asked_for(run):
    result = run(changed(("kind: psi", "kind: psy")), "--output", "json")
    assert (result.exit_code, result.stderr) == (78, "")
    report = json.loads(result.stdout)
    assert report["ok"] is False
    [problem] = report["problems"]
    assert (problem["line"], problem["path"], problem["value"]) == (24, "drift[0].kind", "psy")


def test_a_missing_file_is_a_bad_configuration(tmp_path):
    result = CliRunner().invoke(app, ["check", "-c", str(tmp_path / "none.yaml")])
    assert result.exit_code == 78
    assert "cannot be read" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "-c"], ["check", "--nope"], ["nope"], ["check", "-c", "x", "-o", "xml"]]
)
def test_wrong_usage_has_exit_code_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).stdout == f"driftline {__version__}\n"


def test_a_sample_is_decoded_and_checked(run, tmp_path):
    result = run(of_files(tmp_path), "-o", "json", "--sample", str(tmp_path / "payments.jsonl"))
    assert result.exit_code == 0, result.output
    sample = json.loads(result.stdout)["sample"]
    assert (sample["records"], sample["rows"], sample["filtered"]) == (5, 3, 0)
    assert sample["rejects"] == {"event_time_missing": 1, "not_object": 1}
    assert sample["fields"]["amount"] == {"ok": 2, "wrong_type": 1}
    assert sample["fields"]["note"] == {"ok": 1, "absent": 1, "null": 1}
    assert sample["checks"]["amount.range"]["failures"] == 1
    assert sample["checks"]["country.allowed"]["failures"] == 1
    assert sample["unknown_fields"] == ["extra"]


def test_a_sample_is_told_in_words_too(run, tmp_path):
    result = run(of_files(tmp_path), "--sample", str(tmp_path / "payments.jsonl"))
    assert "5: 3 rows, rejects" in result.stdout
    assert re.search(r"amount\.range +would fail: 1 of 2 rows, 0\.00% tolerated", result.stdout)
    assert re.search(r"not configured +extra", result.stdout)


def test_a_sample_that_is_not_there_has_exit_code_69(run, tmp_path):
    result = run(INTERFACE, "--sample", str(tmp_path / "none.jsonl"))
    assert result.exit_code == 69
    assert "none.jsonl" in result.stderr


def test_each_connection_is_tried_and_told(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, but nobody listens
        up, down = listening.getsockname()[1], closed.getsockname()[1]
        text = of_files(
            tmp_path,
            ("http://alertmanager:9093", f"http://127.0.0.1:{down}"),
            ("http://receiver/hook", f"http://127.0.0.1:{up}/secret-path"),
        )
        result = run(text, "--connect", "-o", "json")
    assert result.exit_code == 69
    report = json.loads(result.stdout)
    assert report["ok"] is False
    assert [(attempt["what"], attempt["ok"]) for attempt in report["connect"]] == [
        ("source files", True),
        ("sink am", False),
        ("sink hook", True),
    ]
    assert "cannot be reached" in report["connect"][1]["detail"]
    assert "secret-path" not in result.output


def test_a_kafka_sink_is_connected_and_apprise_is_only_built(run, tmp_path):
    am = '  - {kind: alertmanager, name: am, urls: ["http://alertmanager:9093"]}\n'
    ours = (
        '  - {kind: kafka, name: topic, topic: alerts, bootstrap_servers: "127.0.0.1:1", timeout: 300ms}\n'
        '  - {kind: apprise, name: mail, url: "mailto://hunter2:hunter2@hunter2.example"}\n'
    )
    result = run(of_files(tmp_path, (am, ours)), "--connect", "-o", "json")
    found = {attempt["what"]: attempt for attempt in json.loads(result.stdout)["connect"]}
    assert (found["sink topic"]["ok"], found["sink mail"]["ok"]) == (False, True)
    assert "127.0.0.1:1" in found["sink topic"]["detail"]
    assert "hunter2" not in result.output


def test_a_source_that_cannot_be_had_has_exit_code_69(run, tmp_path):
    text = of_files(tmp_path, ("http://alertmanager:9093", "http://127.0.0.1:1"))
    (tmp_path / "payments.jsonl").unlink()
    result = run(text, "--connect")
    assert result.exit_code == 69
    assert re.search(r"failed +source files: no file matches", result.stdout)


def test_the_checked_configuration_is_the_one_that_runs(run, tmp_path):
    report = json.loads(run(INTERFACE, "-o", "json").stdout)
    assert report["config_hash"] == load(tmp_path / "driftline.yaml", {"KAFKA_PASSWORD": "another"}).digest
