"""The broker: restarted in order, killed, gone for a minute."""

from __future__ import annotations

from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.scene import Scene

GONE_S = 60.0


def restart(scene: Scene) -> None:
    """Shut the broker down in order and start it again."""
    scene.until_reading(200)
    scene.own().stop()
    scene.own().start()
    scene.until_reading(200)


def crash(scene: Scene) -> None:
    """Kill the broker, and start it again at once."""
    scene.until_reading(200)
    scene.own().kill()
    scene.own().start()
    scene.until_reading(200)


def leave(scene: Scene) -> None:
    """Let the broker be gone for a minute; nothing may end, and nothing count as read to the end."""
    scene.until_reading(200)
    scene.own().kill()
    scene.wait(GONE_S)
    scene.running()
    scene.own().start()
    scene.notes["back after s"] = round(scene.until_reading(200), 1)


register(
    Fault("broker-restart", "broker shut down and started again", restart, repeats=3, clients=BOTH, own_broker=True)
)
register(Fault("broker-kill", "SIGKILL of the broker, at once again", crash, repeats=3, clients=BOTH, own_broker=True))
register(Fault("broker-gone", "broker gone for a minute", leave, clients=BOTH, own_broker=True))
