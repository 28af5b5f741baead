"""What a fault is done to: a broker, a topic that is written to, a daemon, and somebody who is paged."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from confluent_kafka import Consumer, TopicPartition

from tests.faults.suite.fault import Fault
from tests.faults.suite.load import Load
from tests.faults.suite.proxy import Proxy
from tests.faults.suite.zygote import Zygote
from tests.support import loopback
from tests.support.daemon import DaemonProcess
from tests.support.disturbed import PARTITIONS, build_baseline, url_of, write_config
from tests.support.kafka import Broker, Cluster, unique
from tests.support.receiver import Receiver

AGO_MS = 7_200_000
"""The first record is so old: event time may run ahead of the clock without being in the future."""


class Scene:
    """A daemon on a topic of its own, with all that a fault may touch; a context manager."""

    def __init__(self, broker: Cluster, directory: Path, fault: Fault, client: str, seed: int = 0) -> None:
        self.broker, self.directory, self.fault, self.client = broker, directory, fault, client
        self.rng = random.Random(f"{fault.name} {client} {seed}")
        self.notes: dict[str, Any] = {}
        """What a fault wants to tell the table."""
        self.shared: dict[str, Any] = {}
        """Sections of the configuration that are made when the scene is, and that the undisturbed run needs too."""
        self.registry: Any = None
        self.tls: Any = None
        self.env: dict[str, str] = {}
        self.after = ExitStack()
        """What is to be done in the end."""
        self.topic = broker.create_topic(unique("fault"), PARTITIONS, fault.topic_config)
        broker.create_topic(f"{self.topic}.dead")
        self.receiver = Receiver()
        self.proxy = Proxy(*broker.front) if fault.proxied else None
        self.config = write_config(directory, broker, self.topic, "disturbed", client=client)
        self.change(**self._settings())
        build_baseline(self.config, directory)
        self.load = Load(broker, self.topic, int(time.time() * 1000) - AGO_MS)
        self.daemon: DaemonProcess | None = None
        self.rss_mb = 0.0
        """The most memory that any life of the daemon ever had resident."""
        self._zygote: Zygote | None = None
        self._ending = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def _settings(self) -> dict[str, Any]:
        bootstrap = f"127.0.0.1:{self.broker.front[0]}" if self.proxy else self.broker.bootstrap
        sink = {"kind": "webhook", "name": "pager", "url": f"{self.receiver.url}/page", "timeout": "1s"}
        source = yaml.safe_load(self.config.read_text())["source"]
        options = {"options": dict(self.fault.options.get(self.client, {}))}
        return {
            "sinks": [{"kind": "log"}, sink],
            # else an alert that begins in the commit of one that outranks it is held, and rightly never told
            "alerting": {"inhibition": False},
            **self.fault.settings,
            "source": source | {"bootstrap_servers": bootstrap} | options | self.fault.settings.get("source", {}),
        }

    @property
    def zygote(self) -> Zygote:
        """What forks daemons; started when it is first asked for."""
        if self._zygote is None:
            self._zygote = Zygote().__enter__()
        return self._zygote

    def __enter__(self) -> Self:
        self.receiver.__enter__()
        if self.proxy is not None:
            self.proxy.__enter__()
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._watching.join()
        if self.daemon is not None:
            self.daemon.__exit__()
        if self._zygote is not None:
            self._zygote.__exit__()
        if self.proxy is not None:
            self.proxy.__exit__()
        self.receiver.__exit__()
        self.after.close()

    def share(self, **sections: Any) -> None:
        """Change the configuration, also that of the undisturbed run."""
        self.shared |= sections
        self.change(**sections)

    def change(self, **sections: Any) -> None:
        """Write the configuration anew with some of its sections replaced."""
        self.config.write_text(yaml.safe_dump(yaml.safe_load(self.config.read_text()) | sections))

    def start(self, *, ready: bool = True) -> DaemonProcess:
        """Start the daemon, and wait until it is ready unless told otherwise."""
        self.daemon = DaemonProcess(self.config, env=self.env)
        if ready:
            self.daemon.await_ready(url_of(self.config))
        return self.daemon

    def running(self) -> DaemonProcess:
        """Return the daemon, which must run."""
        assert self.daemon is not None
        assert self.daemon.process.poll() is None, self.log()[-4000:]
        return self.daemon

    def send(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        self.running().process.send_signal(number)

    def log(self) -> str:
        """Return what all lives of the daemon have logged."""
        file = self.config.with_suffix(".log")
        return file.read_text(errors="replace") if file.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of that name in the log, oldest first."""
        lines = [line for line in self.log().splitlines() if f'"{name}"' in line and line.startswith("{")]
        return [event for event in map(json.loads, lines) if event.get("event") == name]

    def status(self) -> dict[str, Any]:
        """Return what the daemon says of itself."""
        found: dict[str, Any] = loopback.get(f"{url_of(self.config)}/api/v1/status", timeout=60.0).json()
        return found

    def records(self) -> int:
        """Return how many records the daemon has read; 0 while it does not answer."""
        try:
            return sum(int(partition["records"]) for partition in self.status()["partitions"])
        except httpx.TransportError:
            return 0

    def positions(self) -> dict[int, int]:
        """Return the offset that the daemon reads next, of each partition."""
        return {int(one["partition"]): int(one["next_offset"]) for one in self.status()["partitions"]}

    def ends(self) -> dict[int, int]:
        """Return the end of each partition, as the broker knows it."""
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "nobody"})
        partitions = [TopicPartition(self.topic, partition) for partition in range(self.load.partitions)]
        found = {one.partition: consumer.get_watermark_offsets(one, timeout=60)[1] for one in partitions}
        consumer.close()
        return found

    def metric(self, name: str, *having: str) -> float:
        """Return the sum of a metric's samples, those that have all the given words."""
        page = loopback.get(f"{url_of(self.config)}/metrics", timeout=60.0).text
        lines = [line for line in page.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(line.split()[-1]) for line in lines if all(word in line for word in having))

    def own(self) -> Broker:
        """Return the broker, which is this scene's to stop."""
        assert isinstance(self.broker, Broker)
        return self.broker

    def way(self) -> Proxy:
        """Return the proxy between daemon and broker."""
        assert self.proxy is not None
        return self.proxy

    def wait(self, least_s: float, most_s: float | None = None) -> None:
        """Let time pass: at random between the two."""
        time.sleep(self.rng.uniform(least_s, most_s or least_s))

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = 240.0) -> float:
        """Wait for a condition; return how long it took in seconds, fail with the log when it does not come."""
        began_s = time.monotonic()
        while not condition():
            self.running()
            assert time.monotonic() - began_s < timeout_s, f"not {what}: {self.log()[-3000:]}"
            time.sleep(0.1)
        return time.monotonic() - began_s

    def until_reading(self, more: int = 500) -> float:
        """Wait until records are read again; return how long it took in seconds."""
        before = self.records()
        return self.until(lambda: self.records() >= before + more, "reading")

    def until_caught_up(self) -> None:
        """Wait until the daemon has read up to its producers once, so that alerts are told as they come."""
        self.until(self.caught_up, "caught up")

    def caught_up(self) -> bool:
        """Return whether the daemon has read up to its producers once."""
        return self.metric("driftline_caught_up") == 1

    def try_to_catch_up(self, timeout_s: float = 15.0) -> None:
        """Wait until it has, but not for ever: on a busy machine it may not be able to while records are written."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s and not self.caught_up():
            self.running()
            time.sleep(0.1)

    def _watch(self) -> None:
        """Note the memory of whatever daemon runs."""
        while not self._ending.wait(0.2):
            if self.daemon is not None:
                self.rss_mb = max(self.rss_mb, resident_mb(self.daemon.process.pid, "VmHWM"))


def resident_mb(process: int, what: str = "VmRSS") -> float:
    """Return what a process has resident in MB, now or (`VmHWM`) at most; 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{what}:")), 0.0)


def gone(process: int, timeout_s: float = 60.0) -> None:
    """Wait until a process that is nobody's to wait for has ended."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline_s, f"{process} lives"
        time.sleep(0.005)
