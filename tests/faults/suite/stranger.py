"""A member of a consumer group that commits nothing; its arguments are BROKER TOPIC GROUP SESSION_MS.

It joins, takes what it is given, and leaves in order on SIGTERM. It says a line as soon as it asks to join.
"""

from __future__ import annotations

import signal
import sys

from confluent_kafka import Consumer


def main() -> None:
    """Be a member until SIGTERM."""
    bootstrap, topic, group, session_ms = sys.argv[1:]
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": int(session_ms),
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    print("joining", flush=True)
    while not ended:
        consumer.poll(0.1)
    consumer.close()


if __name__ == "__main__":
    main()
