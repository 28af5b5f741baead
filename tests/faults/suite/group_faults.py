"""Strangers in the consumer group: they join, leave in order or die, and take partitions each time."""

from __future__ import annotations

import signal
import subprocess
import sys

from confluent_kafka import Consumer

from tests.faults.suite import invariants
from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.process_faults import SESSION_S
from tests.faults.suite.scene import Scene
from tests.support.command_line import as_installed
from tests.support.disturbed import PARTITIONS


def storm(scene: Scene) -> None:
    """Let three strangers come at random instants and go so, killed or in order."""
    scene.until_reading(200)
    names = [scene.broker.bootstrap, scene.topic, f"{scene.topic}-disturbed"]
    strangers = []
    for _ in range(3):
        strangers.append(subprocess.Popen([sys.executable, "-m", __name__, *names], env=as_installed()))
        scene.wait(0.5, 3)
    for stranger in strangers:
        scene.wait(0, 2)
        stranger.send_signal(scene.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        stranger.wait(60)
    scene.until(lambda: len(scene.status()["partitions"]) == PARTITIONS, "everything ours again")
    scene.notes["rebalances"] = scene.metric("driftline_rebalances_total")
    scene.until_reading(200)


def main() -> None:
    """Be a stranger: join the group, take what is given, commit nothing, until SIGTERM."""
    bootstrap, topic, group = sys.argv[1:]
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": int(SESSION_S * 1000),
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    while not ended:
        consumer.poll(0.1)
    consumer.close()


register(
    Fault(
        "rebalance-storm",
        "three strangers join the group, some leave, some die (session 6 s)",
        storm,
        repeats=2,
        clients=BOTH,
        settings={"source": {"assignment": "group"}},
        check=invariants.check_as_counted,
        exception="windows judged while a stranger had a partition lack it and are unknown (`partial`); when it is back "
        "its rows are counted, and those of judged windows are in `driftline_rows_after_verdict_total`",
    )
)

if __name__ == "__main__":
    main()
