"""A long run at load with faults at random instants: `python -m tests.faults.soak --minutes 30`."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.faults.results import FILE, put_soak
from tests.faults.suite import invariants
from tests.faults.suite.everything import FAULTS
from tests.faults.suite.fault import Fault
from tests.faults.suite.load import Load
from tests.faults.suite.running import finish
from tests.faults.suite.scene import Scene, resident_mb
from tests.support import loopback
from tests.support.disturbed import PARTITIONS, record, url_of
from tests.support.kafka import Broker

_KINDS = (
    "sigkill",
    "sigterm",
    "sigstop",
    "broker-restart",
    "broker-kill",
    "network-drop",
    "network-cut",
    "sink-500",
    "sink-hangs",
)
_EVERY_S = 2.0
_CALM_MS, _DRIFT_MS = 60_000, 30_000
_POOL = 5_000
_POINTS = 300

SOAK = Fault(
    "soak",
    "faults at random instants",
    lambda scene: None,
    own_broker=True,
    proxied=True,
    settings={"window": {"size": "5s"}},
)


class SteadyLoad(Load):
    """Records of the present moment, their values made in advance but for the time."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        rng = random.Random(11)
        self._calm = [_tail(record(rng, 0)) for _ in range(_POOL)]
        self._drift = [b',"amount":%.2f,"country":"US"}' % rng.lognormvariate(5, 1) for _ in range(_POOL)]

    def write(self, n: int) -> None:
        """Write so many records, all of the present millisecond."""
        self.at_ms = max(self.at_ms, time.time_ns() // 1_000_000)
        for _ in range(n):
            self.send(self.value(), self.rng.randrange(PARTITIONS))

    def value(self) -> bytes:
        """Return the next record; one in 25 is late, one in 25 broken."""
        drifts = self.at_ms % (_CALM_MS + _DRIFT_MS) >= _CALM_MS
        tail = (self._drift if drifts else self._calm)[self.rng.randrange(_POOL)]
        if not tail:
            return b"{broken"
        late_ms = 5_000 if self.rng.random() < 0.04 else 0
        return b'{"at":%d' % (self.at_ms - late_ms) + tail


def _tail(value: bytes) -> bytes:
    """Return what follows the time in a good record, nothing of a broken one."""
    return value.removeprefix(b'{"at": 0').removeprefix(b'{"at": -5000') if value.startswith(b'{"at"') else b""


class Samples(threading.Thread):
    """Notes memory, lag and delay every two seconds, where there is a daemon to ask."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(daemon=True)
        self._scene = scene
        self._ending = threading.Event()
        self._before = (0.0, 0.0)
        self.lines: list[dict[str, float]] = []

    def run(self) -> None:
        """Note until told to end."""
        began_s = time.monotonic()
        while not self._ending.wait(_EVERY_S):
            line = {"t_s": round(time.monotonic() - began_s, 1)}
            if self._scene.daemon is not None:
                line["rss_mb"] = round(resident_mb(self._scene.daemon.process.pid), 1)
            with suppress(httpx.HTTPError):
                line |= self._asked()
            self.lines.append(line)

    def _asked(self) -> dict[str, float]:
        page = loopback.get(f"{url_of(self._scene.config)}/metrics", timeout=10.0).text
        sums: Counter[str] = Counter()
        for text in page.splitlines():
            name = text.partition("{")[0]
            if name.startswith(("driftline_consumer_lag_records", "driftline_record_delay_seconds_")):
                sums[name] += float(text.rsplit(maxsplit=1)[-1])
        total, n = sums["driftline_record_delay_seconds_sum"], sums["driftline_record_delay_seconds_count"]
        before_total, before_n = self._before
        self._before = (total, n)
        found = {"lag_records": sums["driftline_consumer_lag_records"]}
        if n > before_n > 0:
            found["delay_s"] = round((total - before_total) / (n - before_n), 4)
        return found

    def end(self) -> None:
        """Stop, and wait for it."""
        self._ending.set()
        self.join()


def main() -> None:
    """Run for so many minutes, check everything, and put the results beside those of the suite."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--per-s", type=int, default=8_000)
    parser.add_argument("--client", default="librdkafka")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=FILE)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="driftline-soak-"))
    (directory / "kafka").mkdir()
    broker = Broker(directory / "kafka").start()
    try:
        with Scene(broker, directory, SOAK, arguments.client, arguments.seed) as scene:
            scene.load = SteadyLoad(broker, scene.topic, int(time.time() * 1000), arguments.per_s)
            outcome = soak(scene, arguments.minutes)
    finally:
        broker.kill()
    put_soak(arguments.json, outcome)
    print(json.dumps({name: part for name, part in outcome.items() if name != "samples"}))
    print(f"what was left behind is in {directory}")


def soak(scene: Scene, minutes: float) -> dict[str, Any]:
    """Disturb for so long, check everything; return what was seen."""
    samples, done = Samples(scene), list[dict[str, Any]]()
    began_s = time.monotonic()
    try:
        with scene.load.writing():
            scene.start()
            samples.start()
            while time.monotonic() - began_s < minutes * 60:
                done.append(_disturb(scene, began_s))
                print(done[-1], flush=True)
            took_s = time.monotonic() - began_s
        finish(scene)
        samples.end()
        ended: dict[str, Any] = {"outcome": "held", "seen": invariants.check(scene)}
    except AssertionError as error:
        took_s = time.monotonic() - began_s
        ended = {"outcome": "failed", "reason": str(error)[:2000]}
    return {
        "minutes": round(took_s / 60, 1),
        "records_per_s": round(scene.load.written / took_s),
        "client": scene.client,
        "faults": dict(Counter(one["fault"] for one in done)),
        "done": done,
        "samples": samples.lines[:: max(1, len(samples.lines) // _POINTS)],
        "rss_most_mb": round(scene.rss_mb, 1),
        **ended,
    }


def _disturb(scene: Scene, began_s: float) -> dict[str, Any]:
    """Let some time pass, then do one of the faults; return which one and when."""
    scene.wait(8, 40)
    name = scene.rng.choice(_KINDS)
    at_s = time.monotonic() - began_s
    FAULTS[name].disturb(scene)
    return {"fault": name, "at_s": round(at_s, 1), "took_s": round(time.monotonic() - began_s - at_s, 1)}


if __name__ == "__main__":
    main()
