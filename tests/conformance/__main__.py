"""Runs every peer in its own environment on the cases, caches its answers and writes the page's section anew.

`python -m tests.conformance [PEER …]`; without names all of them. Environments are kept in .cache/peers.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conformance import inputs, page
from tests.conformance.recorded import FOLDER, PEERS
from tests.support.peers import CACHE, environment, surroundings

_OUTCOMES = FOLDER.parent / "outcomes"
_SCRIPTS = Path(__file__).parent / "peers"


def main(peers: tuple[str, ...]) -> None:
    """Ask the peers and write the page."""
    CACHE.mkdir(parents=True, exist_ok=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    inputs.write(CACHE / "inputs.json")
    for peer in peers:
        print(f"asking {peer}", flush=True)
        script = _SCRIPTS / f"run_{peer.replace('-', '_')}.py"
        python = str(environment(peer, _SCRIPTS / f"{peer}.txt"))
        command = [python, str(script), str(CACHE / "inputs.json"), str(FOLDER)]
        subprocess.run(command, check=True, env=surroundings())
        if peer == "nannyml":
            script = _SCRIPTS / "run_nannyml_performance.py"
            command = [python, str(script), str(_OUTCOMES), str(FOLDER / "nannyml_performance.csv")]
            subprocess.run(command, check=True, env=surroundings())
    page.rewrite()


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or PEERS)
