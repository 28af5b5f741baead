"""The demo's producer alone, for a daemon that runs elsewhere, such as in docker-compose.yaml."""

from __future__ import annotations

import threading
from collections.abc import Callable

from monitor.clock import SystemClock
from monitor.demo.cluster import RemoteBroker
from monitor.demo.shop import FAULT, TOPIC, Shop
from monitor.demo.story import RATE, Producer, Story

_LOOK_S = 0.25
_SEED = 11
_LENGTH_S = 60.0
_CYCLE_S = 300.0


def unhurried(first_fault_s: float) -> Story:
    """Return a story with time to look: the fault lasts a minute and comes again every five."""
    return Story(first_fault_s, first_fault_s + _LENGTH_S, max(_CYCLE_S, first_fault_s + 2 * _LENGTH_S))


def produce_to(
    bootstrap_servers: str, first_fault_s: float, duration_s: float | None, say: Callable[[str], None]
) -> int:
    """Send payments to a cluster until `duration_s` or Ctrl-C, and say when the fault begins and ends.

    Topics that are missing are created. Returns how many records were sent; raises SurroundingsError when the cluster
    does not answer.
    """
    clock, story = SystemClock(), unhurried(first_fault_s)
    broker = RemoteBroker(bootstrap_servers)
    for topic in (TOPIC, f"{TOPIC}.dead"):
        broker.create(topic)
    producer = Producer(broker, Shop(_SEED), story, clock)
    say(
        f"{RATE:,} payments a second go to {TOPIC} at {bootstrap_servers}; the first fault comes in {first_fault_s:g} s"
    )
    thread = threading.Thread(target=producer.run, name="driftline-demo", daemon=True)
    thread.start()
    faulty = False
    try:
        while thread.is_alive() and (duration_s is None or producer.elapsed_s < duration_s):
            thread.join(_LOOK_S)
            if producer.faulty != faulty:
                faulty = not faulty
                said = f"FAULT    {FAULT}" if faulty else "REPAIRED the release was rolled back"
                say(f"{producer.elapsed_s:3.0f} s  {said}")
    except KeyboardInterrupt:
        say("stopped")
    producer.stop()
    thread.join()
    broker.close()
    return producer.sent
