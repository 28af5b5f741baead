"""The daemon as users run it: a process of its own, that can be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from monitor.checkpoint import StoredWindow
from monitor.saving import decode_head
from monitor.store.sqlite import Store
from monitor.types import TopicPartition
from tests.support import loopback
from tests.support.command_line import as_installed, line

_START_TIMEOUT_S = 300.0


class DaemonProcess:
    """`driftline run` on a configuration file; its log is kept beside the file."""

    def __init__(self, config: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        """Start the process, with `env` in its environment too; it answers some time later."""
        self.log = config.with_suffix(".log")
        self._log = self.log.open("ab")
        command = line("run", "-c", config, *options)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, env=as_installed() | dict(env or {})
        )

    def __enter__(self) -> Self:
        """Return the process; whatever happens inside, it does not outlive the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """End it as the kernel does when memory runs out: at once, with nothing said; may follow its own end."""
        self.process.kill()
        self._reap()

    def stop(self, timeout_s: float = 90.0) -> int:
        """Ask it to drain; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout_s)
        self._reap()
        return code

    def wait(self, timeout_s: float = 300.0) -> dict[str, Any]:
        """Wait for its own end; return the summary line. Fails with the log where the exit code is not 0."""
        try:
            out, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()  # what it leaves open would be blamed on whatever test comes later
            raise
        self._log.close()
        assert self.process.returncode == 0, self.log.read_text()[-4000:]
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def await_ready(self, url: str) -> None:
        """Wait until /readyz says yes."""
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline_s:
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            try:
                if loopback.get(f"{url}/readyz", timeout=10.0).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.log.read_text()[-4000:]}")

    def _reap(self) -> None:
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()


def stored_heads(directory: Path) -> Mapping[TopicPartition, dict[str, Any]]:
    """Return what the store says of each partition: offsets and counts."""
    store = Store(directory)
    try:
        return {partition: decode_head(head) for partition, head in store.heads().items()}
    finally:
        store.close()


def stored_windows(directory: Path) -> list[StoredWindow]:
    """Return the judged windows that the store keeps, oldest first, with runs of empty ones left out."""
    store = Store(directory)
    try:
        profiles = {end: profile for _, end, profile in store.window_profiles()}
        return [
            StoredWindow(start, end, windows, rows, lines, profiles.get(end))
            for start, end, windows, rows, _, lines in store.windows()
            if rows
        ]
    finally:
        store.close()
