"""The process itself: killed, stopped, frozen."""

from __future__ import annotations

import os
import signal

from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.scene import Scene, gone, resident_mb

SESSION_S = 6.0
"""The session time-out that members of a group get where it matters; the default is 45 s."""


def kill_young(scene: Scene) -> None:
    """Kill a daemon at a random instant, from the first milliseconds of its life on; it comes from a fork."""
    process = scene.zygote.fork(scene.config)
    scene.wait(0.0, 1.5)
    scene.rss_mb = max(scene.rss_mb, resident_mb(process, "VmHWM"))
    os.kill(process, signal.SIGKILL)
    gone(process)


def _work(scene: Scene) -> None:
    scene.until_reading(200)
    if scene.rng.random() < 0.5:
        scene.try_to_catch_up()
        scene.until_reading(3_000)
    scene.wait(0.0, 0.7)


def kill(scene: Scene) -> None:
    """Kill a daemon that works and start the next one at once; some have caught up before, some have not."""
    _work(scene)
    scene.running().kill()
    scene.start()


def terminate(scene: Scene) -> None:
    """Ask it to end, and start the next one at once."""
    _work(scene)
    assert scene.running().stop() == 0, scene.log()[-3000:]
    scene.start()


def freeze(scene: Scene) -> None:
    """Stop the process for longer than its session lasts: it loses its partitions without hearing of it."""
    scene.until_reading(200)
    scene.send(signal.SIGSTOP)
    scene.wait(SESSION_S + 3)
    scene.send(signal.SIGCONT)
    scene.until_reading(200)


_GROUP = {"source": {"assignment": "group"}}
_SESSION = {
    "librdkafka": {"session.timeout.ms": int(SESSION_S * 1000)},
    "kafka-python": {"session_timeout_ms": int(SESSION_S * 1000), "heartbeat_interval_ms": 1000},
}

register(
    Fault(
        "sigkill-often",
        "SIGKILL between 0 and 1.5 s after the start (daemons by fork, so that there can be hundreds)",
        kill_young,
        repeats=150,
        clients=BOTH,
        starts=False,
    )
)
register(Fault("sigkill", "SIGKILL of a daemon at work, the next one at once", kill, repeats=5, clients=BOTH))
register(Fault("sigterm", "SIGTERM of a daemon at work, the next one at once", terminate, repeats=5, clients=BOTH))
register(
    Fault("sigstop", "SIGSTOP for 9 s, reading all partitions by itself", freeze, repeats=2, clients=BOTH),
)
register(
    Fault(
        "sigstop-group",
        "SIGSTOP for 9 s, a member of a group whose session lasts 6 s",
        freeze,
        repeats=2,
        clients=BOTH,
        settings=_GROUP,
        options=_SESSION,
    )
)
