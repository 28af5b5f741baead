"""The image that was built, and the nearest to it that is cheap: the locked packages and the wheel on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.container import Image
from tests.support.dockerfile import ROOT, environment, health_command, the

BUILT = os.environ.get("DRIFTLINE_TEST_IMAGE", "")
"""The name of the built image; `make image-test` sets it, and BUILDER to the buildah that has it."""
IMPORT_ALL = """
import importlib, pkgutil, monitor
for module in pkgutil.walk_packages(monitor.__path__, "monitor."):
    if not module.name.endswith(("__main__", "native.native")):  # a program, and a library that is no module
        importlib.import_module(module.name)
"""


def buildah(*arguments: str) -> str:
    """Run the builder that has the image; return what it prints."""
    command = [*os.environ.get("BUILDER", "buildah").split(), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def built_settings() -> dict[str, Any]:
    """Return the settings that the built image carries."""
    found: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", BUILT))["Docker"]["config"]
    return found


@contextmanager
def built() -> Iterator[Image]:
    """Mount the root file system of the built image for a while."""
    config = built_settings()
    env = dict(pair.split("=", 1) for pair in config["Env"])
    container = buildah("from", BUILT)
    try:
        root = Path(buildah("mount", container))
        yield Image(root, env, config["Entrypoint"], config["Cmd"], config["Healthcheck"]["Test"][1:])
    finally:
        buildah("umount", container)
        buildah("rm", container)


def stand_in(directory: Path) -> Image:
    """Return the locked packages and the wheel in an environment of their own, on this machine's Python and libraries.

    Its settings are read from the Dockerfile, and what is removed there is removed here too.
    """
    root, base = directory / "root", Path(sys.base_prefix)
    shared = [base] if base.is_relative_to("/usr") is False else []
    venv = root / "opt/driftline"
    for path in (
        "proc",
        "dev",
        "tmp",
        "etc/driftline",
        "var/lib/driftline",
        "usr",
        "opt",
        *(str(p)[1:] for p in shared),
    ):
        (root / path).mkdir(parents=True)
    directories = [Path("/usr"), *shared]
    for path in (Path("/bin"), Path("/lib"), Path("/lib64"), Path("/sbin")):
        if path.is_symlink():
            (root / path.name).symlink_to(path.readlink())
        elif path.is_dir():
            (root / path.name).mkdir()
            directories.append(path)
    uv = shutil.which("uv") or str(ROOT / ".cache/uv/bin/uv")
    python = str(venv / "bin/python")

    def run(*command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr[-3000:]

    locks = [f"--requirement=requirements/{name}.txt" for name in ("runtime", "apprise")]
    run(uv, "venv", "--quiet", "--relocatable", "--no-project", "--python", base / "bin/python3", venv)
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--require-hashes", *locks)
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory / "dist")
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *(directory / "dist").glob("*.whl"))
    run(uv, "pip", "uninstall", "--quiet", "--python", python, "setuptools")
    run(
        "find",
        venv / "lib",
        "-type",
        "d",
        "(",
        "-name",
        "tests",
        "-o",
        "-name",
        "include",
        ")",
        "-prune",
        "-exec",
        "rm",
        "-rf",
        "{}",
        "+",
    )
    # As in the image, bytecode is there before: nobody can write it later, and every start would compile for seconds.
    # Isolated: the working directory, which is first on the path otherwise, has our sources.
    run(python, "-I", "-c", IMPORT_ALL)
    return Image(
        root,
        environment(),
        the("ENTRYPOINT").words,
        the("CMD").words,
        health_command(),
        {str(p): p for p in directories},
    )
