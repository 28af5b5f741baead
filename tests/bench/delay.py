"""How long after its append a record is counted on /metrics, at half of what the daemon can do."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import httpx
import numpy as np
from confluent_kafka import Producer

from tests.bench.engine import configured
from tests.bench.figures import Table
from tests.bench.records import CONFIG, payments
from tests.support.daemon import DaemonProcess
from tests.support.kafka import Cluster, free_ports

_EVERY_S = 0.05
_SCRAPE_S = 0.1
_TAIL_S = 30.0
_RECORDS = re.compile(rb"^driftline_records_total\{[^}]*\} (\S+)$", re.MULTILINE)
_UNITS = {"client": "", "records_per_s": "records/s", "p50_s": "s", "p99_s": "s", "max_s": "s"}


def delays(directory: Path, bootstrap: str, rates: Mapping[str, float], seconds: float) -> Table:
    """Return a row for each client, fed at its rate of `rates`."""
    rows = []
    for client, rate in rates.items():
        found, n = _delays(directory, bootstrap, client, rate, seconds)
        p50, p99 = np.quantile(found, (0.5, 0.99)).tolist()
        rows.append({"client": client, "records_per_s": n / seconds, "p50_s": p50, "p99_s": p99, "max_s": found.max()})
    every, read = f"{_EVERY_S * 1000:.0f} ms", f"{_SCRAPE_S * 1000:.0f} ms"
    n = f"{seconds:.0f} s of records, a batch every {every}, /metrics read every {read}"
    return Table("delay", "Append → driftline_records_total on /metrics, at half load", n, _UNITS, rows)


def _delays(directory: Path, bootstrap: str, client: str, rate: float, seconds: float) -> tuple[np.ndarray, int]:
    """Return the delay of each batch, from before it was produced to the end of the scrape that counts it."""
    configured(directory)  # builds the baseline
    topic = f"delay-{uuid.uuid4().hex[:8]}"
    Cluster(bootstrap).create_topic(topic)
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    text = CONFIG.format(client=client, bootstrap=bootstrap, topic=topic, directory=directory)
    # Event time is when the record was written, so that a window is as long as it would be.
    text = text.replace("field: event_time, unit: ms, ", "").replace("127.0.0.1:0", url.removeprefix("http://"))
    file = directory / f"{topic}.yaml"
    file.write_text(text.replace(f"{directory}/store", f"{directory}/{topic}-store"))
    seen: list[tuple[float, float]] = []
    done = threading.Event()
    with DaemonProcess(file) as daemon:
        daemon.await_ready(url)
        watcher = threading.Thread(target=_watch, args=(url, seen, done))
        watcher.start()
        appended = _feed(bootstrap, topic, rate, seconds)
        until_s = time.monotonic() + _TAIL_S
        while (not seen or seen[-1][1] < appended[-1][1]) and time.monotonic() < until_s:
            time.sleep(_SCRAPE_S)
        done.set()
        watcher.join()
        daemon.stop()
    at, counts = np.array(seen).T
    which = np.searchsorted(counts, [count for _, count in appended])
    assert which.max() < len(at), "records were not counted within half a minute"
    return at[which] - np.array([began for began, _ in appended]), int(appended[-1][1])


def _feed(bootstrap: str, topic: str, rate: float, seconds: float) -> list[tuple[float, int]]:
    """Produce at a steady rate; return when each batch began to be written, and how many records there were then."""
    values = payments(max(1, int(rate * _EVERY_S)))
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 10**6})
    appended, total = [], 0
    first = time.monotonic()
    while (at := time.monotonic()) < first + seconds:
        for value in values:
            producer.produce(topic, value, partition=0)
        producer.poll(0)
        total += len(values)
        appended.append((at, total))
        time.sleep(max(0.0, first + len(appended) * _EVERY_S - time.monotonic()))
    producer.flush()
    return appended


def _watch(url: str, seen: list[tuple[float, float]], done: threading.Event) -> None:
    """Note again and again when how many records were counted."""
    with httpx.Client() as client:
        while not done.wait(_SCRAPE_S):
            total = sum(float(n) for n in _RECORDS.findall(client.get(f"{url}/metrics").content))
            seen.append((time.monotonic(), total))
