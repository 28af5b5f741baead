"""Builds the parts in C when the package is built; without a compiler the package is complete, and slower."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = Path(__file__).parent / "monitor" / "native"
_FLAGS = ("-std=gnu11", "-O3", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=default")


def build(target: Path, *flags: str) -> bool:
    """Compile the sources to `target`; return whether that was possible."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform == "win32":
        return False
    sources = sorted(_FOLDER.glob("*.c"))
    digest = hashlib.blake2b(b"".join(path.read_bytes() for path in sources), digest_size=16).hexdigest()
    command = [compiler, *_FLAGS, *flags, f'-DSOURCE_DIGEST="{digest}"', "-o", str(target), *map(str, sources)]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - a compiler that was asked for


class NativeBuild(BuildHookInterface):
    """Puts the library into the wheel (or beside the source, of an editable install)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it; say so where that is not possible, and go on without it."""
        if self.target_name != "wheel":
            return
        if not build(_FOLDER / "native.so"):
            self.app.display_warning("monitor/native was not compiled: JSON will be read at a third of the speed")
            return
        build_data["artifacts"].append("monitor/native/native.so")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


if __name__ == "__main__":
    sys.exit(not build(_FOLDER / "native.so", *sys.argv[1:]))
