"""Runs a fault from beginning to end, and says what came of it."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import KafkaException

from tests.faults.suite import invariants
from tests.faults.suite.fault import Fault
from tests.faults.suite.scene import Scene
from tests.support.kafka import Broker, Cluster

_TROUBLE = (AssertionError, KafkaException, OSError, subprocess.SubprocessError, httpx.HTTPError, sqlite3.Error)
"""What a fault that does not hold may end in, in the suite or in the daemon's store."""


def run(fault: Fault, client: str, broker: Cluster | None = None, repeats: int | None = None) -> dict[str, Any]:
    """Do a fault to a daemon, let it finish, check all that must hold; return a line of the results.

    Raises AssertionError when something does not hold. Without a `broker` it starts one of its own.
    """
    times = repeats or fault.repeats
    began_s = time.monotonic()
    with ExitStack() as stack:
        if broker is None:
            broker = Broker(Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))).start()
            stack.callback(broker.kill)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        scene = stack.enter_context(Scene(broker, directory, fault, client))
        seen = play(scene, times)
    line = {"name": fault.name, "client": client, "times": times, "outcome": "held", "seen": seen | scene.notes}
    return line | {"rss_mb": round(scene.rss_mb), "took_s": round(time.monotonic() - began_s, 1)}


def play(scene: Scene, times: int) -> dict[str, Any]:
    """Disturb so often while records are written, then let the daemon come to the end, and check."""
    fault = scene.fault
    if fault.prepare is not None:
        fault.prepare(scene)
    with scene.load.writing():
        if fault.starts:
            scene.start()
            scene.try_to_catch_up()  # before that, only the last state of each alert is told
        for _ in range(times):
            fault.disturb(scene)
    finish(scene)
    return (fault.check or invariants.check)(scene)


def finish(scene: Scene) -> None:
    """Wait until all that was written was read and told, and stop the daemon in order."""
    if scene.daemon is None or scene.daemon.process.poll() is not None:
        scene.start()
    if scene.fault.complete:
        scene.until(lambda: scene.records() >= scene.load.written, "all read")
    else:
        ends = scene.ends()
        scene.until(lambda: scene.positions() == ends, f"read to {ends}")
    scene.until_caught_up()
    scene.until(lambda: scene.metric("driftline_outbox_size") == 0, "all told")
    assert scene.running().stop() == 0, scene.log()[-4000:]


def attempt(fault: Fault, client: str, broker: Cluster | None = None, repeats: int | None = None) -> dict[str, Any]:
    """Return a line of the results in any case: `failed`, with the reason, when something does not hold."""
    if fault.needs:
        return {
            "name": fault.name,
            "client": client,
            "times": 0,
            "outcome": "not run",
            "reason": fault.needs,
            "seen": {},
        }
    try:
        return run(fault, client, broker, repeats)
    except _TROUBLE as error:
        reason = str(error).strip() or traceback.format_exc().splitlines()[-3].strip()
        line = {"name": fault.name, "client": client, "times": repeats or fault.repeats, "outcome": "failed"}
        return line | {"reason": reason[:600], "seen": {}}
