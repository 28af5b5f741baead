"""A real broker for the length of a measurement."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.kafka import Broker


@contextmanager
def bench_broker() -> Iterator[str]:
    """Yield the bootstrap servers of a broker of our own, or of `DRIFTLINE_TEST_KAFKA` where that is set."""
    existing = os.environ.get("DRIFTLINE_TEST_KAFKA")
    if existing:
        yield existing
        return
    with tempfile.TemporaryDirectory(prefix="driftline-kafka-") as name:
        broker = Broker(Path(name)).start()
        try:
            yield broker.bootstrap
        finally:
            broker.stop()
