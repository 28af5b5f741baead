"""Runs every peer in its own environment on the cases, caches its answers and writes the page's section anew.

`python -m tests.conformance [PEER …]`; without names all of them. Environments are kept in .cache/peers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance import inputs, page
from tests.conformance.recorded import FOLDER, PEERS

_ROOT = Path(__file__).parents[2]
_CACHE = _ROOT / ".cache" / "peers"
_OUTCOMES = FOLDER.parent / "outcomes"
_SCRIPTS = Path(__file__).parent / "peers"
_SETTINGS = {
    "NML_DISABLE_USAGE_LOGGING": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # Evidently goes over sets, so its cells would come in another order every time
    "PYTHONWARNINGS": "ignore",
}


def main(peers: tuple[str, ...]) -> None:
    """Ask the peers and write the page."""
    uv = shutil.which("uv") or str(_ROOT / ".cache" / "uv" / "bin" / "uv")
    _CACHE.mkdir(parents=True, exist_ok=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    inputs.write(_CACHE / "inputs.json")
    for peer in peers:
        print(f"asking {peer}", flush=True)
        script = _SCRIPTS / f"run_{peer.replace('-', '_')}.py"
        command = [str(_environment(uv, peer)), str(script), str(_CACHE / "inputs.json"), str(FOLDER)]
        subprocess.run(command, check=True, env={**os.environ, **_SETTINGS})
        if peer == "nannyml":
            script = _SCRIPTS / "run_nannyml_performance.py"
            command = [command[0], str(script), str(_OUTCOMES), str(FOLDER / "nannyml_performance.csv")]
            subprocess.run(command, check=True, env={**os.environ, **_SETTINGS})
    page.rewrite()


def _environment(uv: str, peer: str) -> Path:
    """Return the interpreter of a peer's environment, made or brought to its pins where needed."""
    python = _CACHE / peer / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(_CACHE / peer)], check=True)
    pins = ["--requirement", str(_SCRIPTS / f"{peer}.txt")]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *pins], check=True)
    return python


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or PEERS)
