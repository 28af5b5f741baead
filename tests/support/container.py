"""A container without an engine: namespaces, a read-only root file system, an unprivileged user, process 1.

What `docker run --read-only --user 65532 --security-opt no-new-privileges --network host` would do, by util-linux
alone. Control groups and seccomp are not tried.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

USER = 65532
DEVICES = ("null", "zero", "full", "random", "urandom")
STATE = "/var/lib/driftline"
CONFIG = "/etc/driftline"
TEMPORARY = "/tmp"  # noqa: S108 - the container's


@dataclass(frozen=True)
class Image:
    """A root file system with the settings of an image; `shared` are host directories that it shows, unchanged."""

    root: Path
    env: Mapping[str, str]
    entrypoint: Sequence[str]
    command: Sequence[str]
    health: Sequence[str]
    shared: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How a command in a container ended."""

    code: int
    out: str
    err: str


class Container:
    """A container that runs, with directories of the host for state, configuration and /tmp."""

    def __init__(self, image: Image, directory: Path, *arguments: str, user: int = USER) -> None:
        """Start the entry point with these arguments, or with the image's own command."""
        self.image, self.directory, self.user = image, directory, user
        self.state, self.config, self.temporary = (directory / name for name in ("state", "config", "tmp"))
        for path in (self.state, self.config, self.temporary):
            path.mkdir(exist_ok=True)
        for path in (self.state, self.temporary):
            os.chown(path, user, user)
        self.log = directory / "container.log"
        with self.log.open("ab") as log:
            command = [*image.entrypoint, *(arguments or image.command)]
            self._outer = subprocess.Popen(self._confined(command), stdout=log, stderr=log)

    def run(self, *command: str, timeout_s: float = 300.0) -> Result:
        """Run another command as `docker exec` would, though in namespaces of its own over the same files."""
        done = subprocess.run(
            self._confined(command), capture_output=True, text=True, timeout=timeout_s, check=False, cwd="/"
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to process 1, as the engine does: the kernel drops what it has no handler for."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = 300.0) -> int:
        """Wait for the end; return the exit code."""
        return self._outer.wait(timeout_s)

    @property
    def pid(self) -> int:
        """What process 1 is to the host."""
        outer = self._outer.pid
        deadline_s = time.monotonic() + 90
        while time.monotonic() < deadline_s:
            children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
            if children:
                return int(children[0])
            time.sleep(0.01)
        raise AssertionError(self.log.read_text())

    @property
    def cpu_s(self) -> float:
        """The processor time that process 1 has taken."""
        ticks = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._outer.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Process 1 first: having changed its user, it no longer dies with the one that made it.
        if self.runs:
            os.kill(self.pid, signal.SIGKILL)
            self._outer.wait()

    def _confined(self, command: Sequence[str]) -> list[str]:
        """Return the command line that makes the namespaces and becomes the command in them."""
        root = shlex.quote(str(self.image.root))
        shared = {**self.image.shared, CONFIG: self.config}
        lines = [
            "set -e",
            "mount --make-rprivate /",
            f"mount --bind {root} {root}",
            *(f"mount --bind {shlex.quote(str(path))} {root}{to}" for to, path in shared.items()),
            *(f"mount -o remount,bind,ro {root}{to}" for to in (*shared, "")),
            f"mount -t proc -o nosuid,nodev,noexec proc {root}/proc",
            f"mount -t tmpfs -o nosuid,mode=755 dev {root}/dev",
            *(f"touch {root}/dev/{name}; mount --bind /dev/{name} {root}/dev/{name}" for name in DEVICES),
            f"mount -o remount,ro {root}/dev",
            f"mount --bind {shlex.quote(str(self.state))} {root}{STATE}",
            f"mount --bind {shlex.quote(str(self.temporary))} {root}{TEMPORARY}",
            f"cd {root}",
        ]
        chroot = ["chroot", f"--userspec={self.user}:{self.user}", "--groups=", str(self.image.root)]
        env = [f"{name}={value}" for name, value in self.image.env.items()]
        inside = ["env", "-i", *env, "sh", "-c", f'cd {STATE}; exec "$0" "$@"', *command]
        lines.append("exec " + shlex.join(["setpriv", "--no-new-privs", *chroot, *inside]))
        kinds = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL"]
        return ["unshare", *kinds, "sh", "-c", "\n".join(lines)]


def need_namespaces() -> None:
    """Skip, or fail where CI is set, where nobody may make a container: it needs root and util-linux."""
    missing = [name for name in ("unshare", "setpriv", "chroot") if shutil.which(name) is None]
    reason = f"not found: {', '.join(missing)}" if missing else ""
    if os.getuid() != 0:
        reason = "making namespaces needs root"
    elif not reason and subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False).returncode:
        reason = "this machine makes no namespaces"
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
