"""The network between daemon and broker, by a proxy at the port that the broker advertises."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.proxy import Weather
from tests.faults.suite.scene import Scene

_LAST_S = (2.0, 5.0)


def spoil(weather: Weather, least_s: float = _LAST_S[0], most_s: float = _LAST_S[1]) -> Callable[[Scene], None]:
    """Return what lets a weather last for a while, and then waits until records are read again."""

    def disturb(scene: Scene) -> None:
        scene.until_reading(200)
        scene.way().turn(weather)
        scene.wait(least_s, most_s)
        scene.way().turn()
        took_s = scene.until_reading(200)
        scene.notes["back after s"] = round(max(took_s, scene.notes.get("back after s", 0.0)), 1)

    return disturb


def drop(scene: Scene) -> None:
    """Reset every connection, again and again at once."""
    scene.until_reading(200)
    for _ in range(5):
        scene.way().drop()
        scene.wait(0.0, 0.4)
    scene.until_reading(200)


def _register(name: str, what: str, disturb: Callable[[Scene], None], *, short: str = "", repeats: int = 3) -> None:
    register(Fault(name, what, disturb, repeats=repeats, clients=BOTH, proxied=True, short=short))


_register("network-drop", "every connection reset (RST), five times", drop, short="kafka-python")
_register("network-cut", "connections reset and refused for 2 to 5 s", spoil(Weather(refuse=True)))
_register("network-delay", "every chunk 0.3 s late for 2 to 5 s", spoil(Weather(delay_s=0.3)))
_register("network-slow", "4 kB/s for each connection for 2 to 5 s", spoil(Weather(bytes_per_s=4_000)))
_register(
    "network-half-open",
    "connections stay open, nothing arrives, for 40 s (longer than a request may take), then RST",
    spoil(Weather(swallow=True), 40, 40),
    repeats=1,
)
