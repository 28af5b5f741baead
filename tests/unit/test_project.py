"""The promises that the repository makes about itself: sizes of files, commands in the README, what CI runs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from monitor import __version__

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "monitor").rglob("*.py"))
MADE_HERE = {".git", ".venv", ".cache", "site", "build", "dist", "__pycache__", ".hypothesis"}

# Joined here, so that this file does not name them.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("proxy", "golang", "org"),
        ("deb", "debian", "org"),
        ("crates", "io"),
    )
)
CLOCK_READS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def project_files() -> list[Path]:
    """Return every file that is or would be committed; without git, every file that was not made here."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return [p for p in ROOT.rglob("*") if p.is_file() and not MADE_HERE & set(p.relative_to(ROOT).parts)]


def registry_hosts_in(content: bytes) -> list[str]:
    """Return the registry hosts that a file names."""
    return [host for host in REGISTRY_HOSTS if host.encode() in content.lower()]


def long_functions(source: str) -> list[str]:
    """Return the functions over 60 lines, by name and line."""
    return [
        f"{node.name}:{node.lineno}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > 60
    ]


def clock_reads(source: str) -> list[str]:
    """Return the calls that read a clock, such as `time.time`."""
    calls = (ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call for call in calls if ".".join(call.split(".")[-2:]) in CLOCK_READS]


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_short_and_its_functions_fit_on_a_screen(path):
    source = path.read_text()
    assert source.count("\n") <= 300
    assert long_functions(source) == []


def test_only_the_clock_module_reads_the_clock():
    readers = {str(p.relative_to(ROOT)): reads for p in MODULES if (reads := clock_reads(p.read_text()))}
    assert set(readers) <= {"monitor/clock.py"}


def test_no_registry_host_is_named_in_any_file():
    named = {str(p.relative_to(ROOT)): hosts for p in project_files() if (hosts := registry_hosts_in(p.read_bytes()))}
    assert named == {}


def test_the_checks_of_this_file_can_fail():
    assert registry_hosts_in(f"see https://{REGISTRY_HOSTS[0]}/simple".encode()) == [REGISTRY_HOSTS[0]]
    assert long_functions("def f():\n" + "    x = 1\n" * 61) == ["f:1"]
    assert clock_reads("import datetime\ndatetime.datetime.now()\ntime.time()") == [
        "datetime.datetime.now",
        "time.time",
    ]


def test_every_requirement_is_pinned_and_hashed():
    for name in ("runtime", "dev", "bootstrap"):
        lock = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
        requirements = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
        assert requirements, name
        assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_readme_begins_with_the_two_commands():
    commands = re.findall(r"^make [a-z-]+", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_that_is_described_exists(name):
    described = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", (ROOT / name).read_text(), re.MULTILINE))
    assert described
    assert described - make_targets() == set()


def test_ci_runs_the_test_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-1] == "exec make test"


def test_the_changelog_knows_the_current_version():
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_local_links_in_the_documentation_lead_somewhere():
    dead = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()
    ]
    assert dead == []
