"""What is in the image that was built, and what is not; collected only by `make image-test`."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

from monitor import __version__
from tests.support.container import Container
from tests.support.dockerfile import ROOT, environment, health_command, parser, the
from tests.support.image import BUILT, buildah

MAX_BYTES = 800_000_000
FORBIDDEN = {"pip", "pip3", "uv", "gcc", "cc", "c++", "g++", "make", "ld", "as", "git", "curl", "wget", "cargo", "f2py"}


def programs(root: Path) -> set[str]:
    """Return the names of everything in the directories for programs."""
    places = ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "opt/driftline/bin")
    return {path.name for place in places for path in (root / place).glob("*")}


def files(root: Path) -> list[tuple[Path, os.stat_result]]:
    """Return every entry of the image; links are not followed."""
    return [
        (path, path.lstat())
        for directory, below, names in os.walk(root)
        for path in (Path(directory) / name for name in (*below, *names))
    ]


def test_the_settings_are_those_of_the_dockerfile(settings):
    assert settings["User"] == the("USER").value
    assert settings["Entrypoint"] == the("ENTRYPOINT").words
    assert settings["Cmd"] == the("CMD").words
    assert settings["StopSignal"] == "SIGTERM"
    assert settings["Healthcheck"]["Test"] == ["CMD", *health_command()]
    assert set(settings["Volumes"]) == {"/var/lib/driftline"}
    assert set(settings["ExposedPorts"]) == {"9108/tcp"}
    # Those of the base, such as its version, stay.
    assert environment().items() <= dict(pair.split("=", 1) for pair in settings["Env"]).items()


def test_the_labels_say_what_was_built(settings):
    labels = settings["Labels"]
    assert set(parser().labels) <= set(labels)
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.created"].endswith("Z")
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT).stdout
    assert labels["org.opencontainers.image.revision"].removesuffix("-dirty") == (head.strip() or "unknown")


def test_there_is_no_installer_and_no_compiler(image):
    assert programs(image.root) & FORBIDDEN == set()
    assert {path.name for path in (image.root / "opt/driftline/bin").iterdir()} >= {"driftline", "python"}
    packages = {path.name.split("-")[0] for path in image.root.glob("opt/driftline/lib/*/site-packages/*.dist-info")}
    assert packages & {"pip", "setuptools", "wheel", "uv", "hatchling", "pytest", "ruff", "mypy"} == set()
    assert {"driftline", "confluent_kafka", "kafka_python", "apprise"} <= packages
    assert list(image.root.glob("usr/local/lib/python3*/*-packages/*")) == []


def test_nothing_of_the_repository_but_the_package_is_there(image):
    names = {path.name for path, _ in files(image.root / "opt")}
    assert names & {".git", "tests", "Dockerfile", "Makefile", "requirements", "CHANGELOG.md"} == set()
    assert not (image.root / "src").exists()
    assert not (image.root / "dist").exists()


def test_nothing_that_was_used_to_build_is_left(image):
    """The secrets of the build are in no file's name and in no step's words."""
    assert not (image.root / "etc/pip.conf").exists()
    assert list((image.root / "tmp").iterdir()) == []
    secrets = image.root / "run/secrets"
    assert not secrets.exists() or list(secrets.iterdir()) == []
    told = json.loads(buildah("inspect", "--type", "image", BUILT))["OCIv1"]
    assert "cert" not in json.dumps(told["config"])


def test_no_program_changes_who_runs_it_and_nothing_is_the_user_s_but_its_state(image):
    found = files(image.root)
    assert [path for path, is_ in found if stat.S_ISREG(is_.st_mode) and is_.st_mode & 0o6000] == []
    mine = [path for path, is_ in found if 65532 in (is_.st_uid, is_.st_gid)]
    assert mine == [image.root / "var/lib/driftline"]
    anybody_s = [path for path, is_ in found if stat.S_IMODE(is_.st_mode) & 0o1002 == 0o0002 and not path.is_symlink()]
    assert [path for path in anybody_s if not path.is_relative_to(image.root / "dev")] == []


def test_every_module_has_its_bytecode(image):
    package = next(image.root.glob("opt/driftline/lib/python3*/site-packages/monitor"))
    sources = {path.relative_to(package).with_suffix("") for path in package.rglob("*.py")}
    compiled = {
        path.parent.parent.relative_to(package) / path.name.split(".")[0] for path in package.rglob("__pycache__/*.pyc")
    }
    assert sources == compiled


def test_its_size_is_kept(image):
    size = sum({is_.st_ino: is_.st_size for _, is_ in files(image.root) if stat.S_ISREG(is_.st_mode)}.values())
    print(f"{size / 1e6:.0f} MB")
    assert size < MAX_BYTES


def test_it_runs_with_a_root_that_could_be_written_just_the_same(image, tmp_path):
    with Container(image, tmp_path, "--version") as container:
        assert container.wait() == 0
        assert container.log.read_text() == f"driftline {__version__}\n"
