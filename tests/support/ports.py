"""Ports of the loopback that no other test gets, in this run or another one on the machine."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below what the kernel gives to connections and to whoever binds to port 0: between the moment when such a port is
# found free and the start of the server, which may be killed and started again, somebody else could be given it.
_FIRST, _LAST = 15_000, 32_000
_ours: list[int] = []
"""Descriptors of locked files, one a port; the locks end with this process."""


def free_port() -> int:
    """Return a port that nobody listens on, and that no test gets as long as this process lives."""
    directory = Path(tempfile.gettempdir()) / "driftline-test-ports"
    directory.mkdir(exist_ok=True)
    for port in random.SystemRandom().sample(range(_FIRST, _LAST), _LAST - _FIRST):
        claim = os.open(directory / str(port), os.O_CREAT | os.O_RDWR)
        if _is_lockable(claim) and _is_free(port):
            _ours.append(claim)
            return port
        os.close(claim)
    raise AssertionError(f"no port from {_FIRST} to {_LAST} is free")


def free_ports(n: int) -> list[int]:
    """Return as many ports, all different."""
    return [free_port() for _ in range(n)]


def _is_lockable(claim: int) -> bool:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
