"""Compiles what is written in C when the package is built; without a compiler it is complete, and slower.

`python monitor/native/building.py` does it beside the source, as an editable installation does.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess  # a compiler is another program
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HERE = Path(__file__).parent
_LIBRARY = _HERE / "native.so"
# Without contraction: a product and a sum in one rounding would not be what numpy makes of them.
_FLAGS = ("-std=gnu11", "-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-fPIC", "-shared")


def build(target: Path, *flags: str) -> bool:
    """Compile the sources to `target`; return whether that was possible."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return False
    sources = sorted(_HERE.glob("*.c"))
    digest = hashlib.blake2b(b"".join(path.read_bytes() for path in sources), digest_size=16).hexdigest()
    partial = target.with_suffix(".partial")
    command = [compiler, *_FLAGS, *flags, f'-DSOURCE_DIGEST="{digest}"', "-o", str(partial), *map(str, sources)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - the compiler that is on the PATH
        return False
    partial.replace(target)  # never written over: a process may have it mapped
    return True


class NativeBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the library into the wheel, or beside the source of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile it; where that is not possible say so and go on without it."""
        if not build(_LIBRARY):
            self.app.display_warning("there is no C compiler: all works, but JSON is read at a third of the speed")
            return
        build_data["artifacts"].append("/monitor/native/native.so")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


if __name__ == "__main__":
    sys.exit(not build(_LIBRARY, *sys.argv[1:]))
