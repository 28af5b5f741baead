"""Other people's libraries, each in an environment of its own under .cache, made by uv and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
CACHE = _ROOT / ".cache" / "peers"
SETTINGS = {
    "NML_DISABLE_USAGE_LOGGING": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # Evidently goes over sets, so its cells would come in another order every time
    "PYTHONWARNINGS": "ignore",
}
"""What is set for all of them: nobody calls home, and answers come in one order."""


def environment(peer: str, *pins: Path) -> Path:
    """Return the interpreter of a peer's environment, made or brought to the pins of those files where needed.

    Raises subprocess.CalledProcessError, with what uv said in `stderr`, or FileNotFoundError where there is no uv.
    """
    uv = shutil.which("uv") or str(_ROOT / ".cache" / "uv" / "bin" / "uv")
    CACHE.mkdir(parents=True, exist_ok=True)
    python = CACHE / peer / "bin" / "python"
    if not python.exists():
        _told([uv, "venv", "--quiet", "--python", sys.executable, str(CACHE / peer)])
    wanted = [part for file in pins for part in ("--requirement", str(file))]
    _told([uv, "pip", "install", "--quiet", "--python", str(python), *wanted])
    return python


def surroundings() -> dict[str, str]:
    """Return the environment variables that a peer runs with."""
    return {**os.environ, **SETTINGS}


def _told(command: list[str]) -> None:
    """Run uv; what it says on failure goes with the exception."""
    subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
