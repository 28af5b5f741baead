"""Strangers in the consumer group: they join, leave in order or die, and take partitions each time."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.faults.suite import invariants
from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.process_faults import SESSION_S
from tests.faults.suite.scene import Scene
from tests.support.command_line import as_installed
from tests.support.disturbed import PARTITIONS


def storm(scene: Scene) -> None:
    """Let three strangers come at random instants; when one has taken something they go so, killed or in order."""
    scene.until_reading(200)
    names = [scene.broker.bootstrap, scene.topic, f"{scene.topic}-disturbed", str(int(SESSION_S * 1000))]
    command = [sys.executable, "-m", "tests.faults.suite.stranger", *names]
    strangers = []
    for _ in range(3):
        strangers.append(subprocess.Popen(command, env=as_installed(), stdout=subprocess.PIPE))
        assert strangers[-1].stdout is not None
        assert strangers[-1].stdout.readline() == b"joining\n"
        scene.wait(0.0, 2.0)
    scene.until(lambda: len(scene.status()["partitions"]) < PARTITIONS, "something taken")
    for stranger in strangers:
        scene.wait(0.0, 2.0)
        stranger.send_signal(scene.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        stranger.communicate(timeout=60)
    scene.until(lambda: len(scene.status()["partitions"]) == PARTITIONS, "everything ours again")
    scene.notes["rebalances"] = scene.metric("driftline_rebalances_total")
    scene.until_reading(200)


register(
    Fault(
        "rebalance-storm",
        "three strangers join the group, some leave, some die (session 6 s)",
        storm,
        repeats=2,
        clients=BOTH,
        settings={"source": {"assignment": "group"}},
        check=invariants.check_as_counted,
        exception="windows judged while a stranger had a partition lack it and are unknown (`partial`); when it is "
        "back its rows are counted, and those of judged windows are in `driftline_rows_after_verdict_total`",
    )
)
