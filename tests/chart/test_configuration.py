"""The configuration that is mounted is the one in the values, and the daemon takes it; so with its command lines."""

from __future__ import annotations

import os
import re
import subprocess
from copy import deepcopy
from pathlib import Path

import pytest
import typer

from monitor.cli import app
from monitor.config.differences import RESTART
from monitor.config.loader import load
from tests.support.command_line import invoke
from tests.support.helm import ci_files, ci_values, config_in, container, only, render, rendered, workload

SECRETS = {"pagerduty": "0123456789abcdef0123456789abcdef", "slack": "https://hooks.slack.example/services/x"}
EVERY = pytest.mark.parametrize("name", ci_files())


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Return a function that lays an example's files out as in its pod, variables set, and returns the main one."""

    def lay_out(name: str) -> Path:
        objects = rendered(name)
        main = container(objects)
        for variable in main["env"]:
            monkeypatch.setenv(variable["name"], variable.get("value", "a-secret-value"))
        for variable in ("FROM_A_MAP", "FROM_A_SECRET") if main.get("envFrom") else ():
            monkeypatch.setenv(variable, "a-secret-value")
        root = tmp_path / "root"
        files = dict(only(objects, "ConfigMap", workload(objects)["metadata"]["name"])["data"])
        for volume in workload(objects)["spec"]["template"]["spec"]["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                for item in source["secret"]["items"]:
                    target = root / "run/secrets/driftline" / item["path"]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(SECRETS.get(item["path"], "a-secret-value") + "\n")
        etc = root / "etc/driftline"
        etc.mkdir(parents=True)
        for file, text in files.items():
            (etc / file).write_text(re.sub(r"(?<=[ :])/(?=run/|etc/)", f"{root}/", text))
        return etc / "driftline.yaml"

    return lay_out


@EVERY
def test_the_daemon_takes_the_mounted_configuration(name, mounted):
    done = invoke("check", "-c", mounted(name))
    assert done.exit_code == 0, done.output


@EVERY
def test_the_configuration_is_that_of_the_values(name):
    """Nothing is added but where the pod keeps things and listens."""
    wanted, found = deepcopy(ci_values(name)["config"]), config_in(rendered(name))
    for section, setting in (("store", "path"), ("http", "listen"), ("baseline", "path")):
        if section in found and setting not in wanted.get(section, {}):
            wanted.setdefault(section, {})[setting] = found[section][setting]
    assert found == wanted


def test_false_null_and_large_numbers_arrive_as_they_are():
    config = {"http": {"console": False}, "limits": {"max_record_bytes": 67108864, "max_state_bytes": 8589934592}}
    config["fields"] = {"amount": {"type": "number", "range": [None, 0], "max_failure_ratio": 0.0001}}
    found = config_in(render({"config": config}))
    assert found["http"]["console"] is False
    assert found["limits"] == config["limits"]
    assert found["fields"] == config["fields"]


def test_a_time_that_yaml_would_read_as_such_arrives(mounted):
    assert load(mounted("extra-everything")).source.start_ms == 1_769_817_600_000


@EVERY
def test_the_daemon_understands_its_command_lines(name):
    commands = typer.main.get_command(app).commands
    lines = [container(rendered(name))["args"]]
    if ci_values(name).get("checkConfig", {}).get("enabled", True):
        lines.append(container(rendered(name), "check-config")["args"])
    tests = [each for each in rendered(name) if each["metadata"]["name"].endswith("-test-connect")]
    lines += [each["spec"]["containers"][0]["args"] for each in tests]
    for command, *arguments in lines:
        context = commands[command].make_context(command, list(arguments))
        assert context.params["config"] == Path("/etc/driftline/driftline.yaml")


def test_the_level_of_the_log_is_that_of_the_values():
    arguments = container(rendered("extra-everything"))["args"]
    assert arguments[arguments.index("--log-level") + 1] == "debug"


@pytest.mark.parametrize("there", [True, False])
def test_a_baseline_is_built_where_there_is_none(there, tmp_path):
    build = container(rendered("baseline-store"), "build-baseline")
    assert build["command"] == ["/bin/sh", "-ec"]
    script, path, *rest = build["args"]
    assert path == config_in(rendered("baseline-store"))["baseline"]["path"]
    assert rest == ["--from", "2026-01-05T00:00:00Z", "--to", "2026-01-12T00:00:00Z"]
    fake = tmp_path / "bin" / "driftline"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s " "called" "$@"\n')
    fake.chmod(0o755)
    directory = tmp_path / "baselines"
    directory.mkdir()
    if there:
        (directory / "current").write_text("abc\n")
    env = os.environ | {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*build["command"], script, str(directory), *rest], env=env, capture_output=True, text=True, check=True
    )
    called = f"called baseline build --config /etc/driftline/driftline.yaml {' '.join(rest)} "
    assert done.stdout == (f"there is a baseline in {directory}\n" if there else called)


def test_a_changed_configuration_restarts_the_pod_unless_it_is_signalled():
    def checksum(values):
        pod = workload(render(values))["spec"]["template"]
        return pod["metadata"]["annotations"].get("checksum/config")

    one, other = {"config": {"limits": {"max_series": 1}}}, {"config": {"limits": {"max_series": 2}}}
    assert checksum(one) == checksum(one) != checksum(other)
    assert checksum(one | {"configFiles": {"a": "b"}}) != checksum(one)
    assert checksum({"reload": "signal"}) is None


_RESTARTING = [
    {"config": {"name": "clicks"}},
    {"config": {"source": {"start": "earliest"}}},
    {"config": {"store": {"path": "/data"}}, "persistence": {"mountPath": "/data"}},
    {"config": {"http": {"listen": ":9108"}}},
    {"config": {"http": {"tls": {"cert_file": "a", "key_file": "b"}}}},
]


def test_there_is_an_example_of_everything_that_a_running_daemon_cannot_take():
    def touches(change, path):
        for key in path:
            change = change.get(key) if isinstance(change, dict) else None
        return change is not None

    found = [[path for path, _ in RESTART if touches(change["config"], path)] for change in _RESTARTING]
    assert [paths for paths in found if len(paths) != 1] == []
    assert sorted(path for paths in found for path in paths) == sorted(path for path, _ in RESTART)


@pytest.mark.parametrize(
    ("change", "restarts"),
    [
        *((change, True) for change in _RESTARTING),
        ({"config": {"http": {"console": False}}}, False),
        ({"config": {"store": {"history": "1d"}}}, False),
        ({"config": {"fields": {"amount": {"range": [0, 1]}}}}, False),
        ({"config": {"sinks": [{"kind": "log", "name": "log"}]}}, False),
        ({"configFiles": {"a": "b"}}, False),
    ],
    ids=str,
)
def test_only_what_a_running_daemon_cannot_take_restarts_one_that_is_signalled(change, restarts):
    def restart(values):
        pod = workload(render(values | {"reload": "signal"}))["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/restart"]

    assert (restart({}) != restart(change)) is restarts


def test_files_of_the_configuration_stay_as_they_are():
    text = "  indented\nwith tab\t\n\nend"
    files = {"schema.avsc": text, "b": "x\n"}
    found = only(render({"configFiles": files}), "ConfigMap")["data"]
    assert {key: found[key] for key in files} == files
