"""The Dockerfile keeps what it promises: lint, pins, the final stage, what a builder gets to see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from monitor.web.settings import HttpSpec
from tests.support.container import TEMPORARY
from tests.support.dockerfile import DOCKERFILE, ROOT, environment, health_command, parser, stages, the

IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))


def copied_from_here() -> list[str]:
    """Return the sources of every COPY that takes from the build context."""
    steps = [step for stage in stages() for step in stage if step.instruction == "COPY"]
    return [source for step in steps if "--from=" not in step.value for source in step.value.split()[:-1]]


def installs() -> list[str]:
    """Return every `pip install` of the file, each with its options."""
    runs = [step.value for stage in stages() for step in stage if step.instruction == "RUN"]
    return [command for run in runs for command in re.split(r"&&", run) if re.search(r"\bpip\b.* install ", command)]


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_something():
    hadolint = Path(sys.executable).with_name("hadolint")
    bad = "FROM python:latest\nRUN cd /tmp\nENTRYPOINT driftline\n"
    done = subprocess.run([hadolint, "--no-color", "-"], input=bad, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert {"DL3003", "DL3007", "DL3025"} <= set(re.findall(r"DL\d{4}", done.stdout))


def test_the_base_is_one_argument_pinned_by_version_and_names_no_registry():
    text = DOCKERFILE.read_text()
    base = re.search(r"^ARG PYTHON_IMAGE=(.+)$", text, re.MULTILINE)
    assert base is not None
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+", base[1])
    sources = [stage[0].value.split()[0] for stage in stages()]
    assert sources == ["${PYTHON_IMAGE}", "packages", "${PYTHON_IMAGE}"]
    assert not re.search(r"^# *syntax=", text, re.MULTILINE), "a syntax line would fetch a front end from a registry"


def test_python_is_one_that_the_project_says_it_runs_on():
    base = re.search(r"^ARG PYTHON_IMAGE=python:(\d+\.\d+)\.", DOCKERFILE.read_text(), re.MULTILINE)
    assert base is not None
    assert f"Python :: {base[1]}" in (ROOT / "pyproject.toml").read_text()


def test_everything_that_is_installed_is_locked_by_hash():
    found = installs()
    assert len(found) == 3
    assert all("--require-hashes --only-binary :all:" in each or "--no-deps --no-index" in each for each in found)
    locks = {lock for each in found for lock in re.findall(r"--requirement (\S+)", each)}
    assert locks == {f"requirements/{name}.txt" for name in ("runtime", "apprise", "build")}


@pytest.mark.parametrize("name", ["apprise", "build"])
def test_a_lock_of_the_image_has_what_the_tests_have(name):
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE))

    assert pins(name)
    assert pins(name) <= pins("dev") | pins("runtime")


def test_the_last_stage_installs_nothing_and_takes_only_the_environment():
    last = stages()[-1]
    runs = [step.value for step in last if step.instruction == "RUN"]
    assert len(runs) == 1
    assert not re.search(r"\b(install|apt|apt-get|curl|wget|gcc) (?!--directory)", runs[0].replace("uninstall", ""))
    assert "uninstall" in runs[0]
    copies = [step.value for step in last if step.instruction == "COPY"]
    assert copies == ["--from=packages /opt/driftline /opt/driftline", "--from=project /project /opt/driftline"]
    assert "ADD" not in {step.instruction for stage in stages() for step in stage}


def test_the_image_is_set_as_chart_and_compose_expect():
    assert the("USER").value == "65532:65532"
    assert the("ENTRYPOINT").words == ["driftline"]
    assert the("CMD").words == ["run", "-c", "/etc/driftline/driftline.yaml"]
    assert the("STOPSIGNAL").value == "SIGTERM"
    assert the("VOLUME").words == ["/var/lib/driftline"]
    assert the("WORKDIR").value == "/var/lib/driftline"
    assert the("EXPOSE").value == str(HttpSpec().address[1])
    assert health_command() == ["driftline", "health", "-c", "/etc/driftline/driftline.yaml"]


def test_nothing_is_written_beside_state_and_tmp():
    env = environment()
    assert env["PYTHONDONTWRITEBYTECODE"] == "1"
    assert env["HOME"] == TEMPORARY
    assert env["PATH"].startswith("/opt/driftline/bin:")
    assert "--invalidation-mode unchecked-hash" in DOCKERFILE.read_text()


def test_the_labels_are_those_of_oci():
    wanted = ("title", "description", "licenses", "source", "version", "revision", "created")
    labels = parser().labels
    assert set(labels) == {f"org.opencontainers.image.{name}" for name in wanted}
    assert f'license = "{labels["org.opencontainers.image.licenses"]}"' in (ROOT / "pyproject.toml").read_text()
    assert f'description = "{labels["org.opencontainers.image.description"]}"' in (ROOT / "pyproject.toml").read_text()


def test_a_builder_sees_what_is_copied_and_nothing_else():
    rules = [line for line in IGNORED if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert sorted(allowed) == sorted(copied_from_here())
    assert all((ROOT / each).exists() for each in allowed)
    assert [rule for rule in rules[1:] if not rule.startswith("!")] == ["**/__pycache__"]
    assert not any(fnmatch(each, ".*") for each in allowed)


def test_whoever_starts_a_process_waits_for_it_so_process_1_leaves_no_zombies():
    """Only protoc is one, through `subprocess.run`, which waits; it starts none of its own. No build runs there."""
    starters = {"subprocess", "multiprocessing", "pty", "concurrent.futures.process"}
    calls = {
        "fork",
        "forkpty",
        "system",
        "popen",
        "Popen",
        "posix_spawn",
        "spawnv",
        "ProcessPoolExecutor",
        "create_subprocess_exec",
    }
    starting, other = set(), set()
    for file in sorted({*(ROOT / "monitor").rglob("*.py")} - {ROOT / "monitor/native/building.py"}):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                starting |= {file.name} if starters & names else set()
                other |= {file.name} if calls & names else set()
            elif isinstance(node, ast.Attribute) and node.attr in calls:
                other.add(file.name)
    assert (starting, other) == ({"protobuf_schema.py"}, set())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_well_formed(script):
    subprocess.run(["bash", "-n", script], check=True)
    assert "set -euo pipefail" in script.read_text()
