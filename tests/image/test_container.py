"""The daemon in a container: read-only root, an unprivileged user, process 1, a real broker."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.container import Container
from tests.support.image import BUILT
from tests.support.kafka import Cluster, unique
from tests.support.ports import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]

# The stand-in shows what is the same for both; their codecs are tried everywhere.
CLIENTS = ["kafka-python", "librdkafka"] if BUILT else ["kafka-python"]
CODECS = ("gzip", "snappy", "lz4", "zstd")
RECORDS = 50
EVERYTHING = """
import importlib, pkgutil, monitor
from monitor.decoders.protobuf_schema import compile_texts
for module in pkgutil.walk_packages(monitor.__path__, "monitor."):
    if not module.name.endswith(("__main__", "native.native")):  # a program, and a library that is no module
        importlib.import_module(module.name)
import apprise, confluent_kafka, crc32c, kafka.codec, lz4.frame, snappy, zstandard
assert all(getattr(kafka.codec, f"has_{name}")() for name in ("gzip", "snappy", "lz4", "zstd"))
compile_texts('syntax = "proto3"; message Row { int64 id = 1; }', {})
print("everything")
"""
WRITE = """
import os, sys
for path in ("/opt/driftline/x", "/etc/x", "/usr/x", "/x", "/etc/driftline/x"):
    try:
        open(path, "w")
    except OSError as error:
        print(path, error.errno)
for path in ("/tmp/x", "/var/lib/driftline/x"):
    open(path, "w").close()
    os.unlink(path)
print(os.getuid(), os.getgid(), os.getgroups())
"""
READ_ONLY = 30


def until(condition: Callable[[], bool], container: Container, timeout_s: float = 300.0) -> None:
    """Wait until the condition holds; fail with the log when the container ends or time runs out."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert container.runs, container.log.read_text()[-4000:]
        assert time.monotonic() < deadline_s, container.log.read_text()[-4000:]
        time.sleep(0.1)


def configure(directory: Path, cluster: str, topic: str, **source: object) -> int:
    """Write the configuration where the image's command looks for it; return the port."""
    port = free_ports(1)[0]
    settings = {
        "name": "shop",
        "source": {
            "kind": "kafka",
            "bootstrap_servers": cluster,
            "topics": [topic],
            "group_id": topic,
            "start": "earliest",
            **source,
        },
        "time": {"field": "at", "unit": "ms"},
        "window": {"size": "1s"},
        "fields": {"amount": {"type": "number"}},
        "store": {"path": "/var/lib/driftline/shop"},
        "http": {"listen": f"127.0.0.1:{port}"},
    }
    (directory / "config").mkdir()
    (directory / "config/driftline.yaml").write_text(yaml.safe_dump(settings))
    return port


def answers(url: str) -> int:
    """Return the status of the answer, 0 without one."""
    try:
        return httpx.get(url, timeout=10.0).status_code
    except httpx.TransportError:
        return 0


def counted(url: str) -> float:
    """Return how many records the metrics say were read."""
    lines = httpx.get(f"{url}/metrics", timeout=60.0).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("driftline_records_total{"))


@pytest.mark.parametrize("client", CLIENTS)
def test_the_image_s_own_command_reads_every_codec_and_drains(image, tmp_path, kafka_broker: Cluster, client):
    topic = kafka_broker.create_topic(unique("image"))
    for codec in CODECS:
        values = [json.dumps({"at": 1_700_000_000_000 + i, "amount": i}).encode() for i in range(RECORDS)]
        kafka_broker.produce(topic, values, **{"compression.type": codec})
    url = f"http://127.0.0.1:{configure(tmp_path, kafka_broker.bootstrap, topic, client=client)}"
    started_s = time.monotonic()
    with Container(image, tmp_path) as container:
        until(lambda: answers(f"{url}/readyz") == httpx.codes.OK, container)
        print(f"ready after {time.monotonic() - started_s:.1f} s, of which {container.cpu_s:.1f} s of a core")
        until(lambda: counted(url) == len(CODECS) * RECORDS, container)
        well = container.run(*image.health)
        assert (well.code, well.out) == (0, "ok\n"), well
        assert Path(f"/proc/{container.pid}/status").read_text().count("65532") >= 8
        stopping_s = time.monotonic()
        container.signal(signal.SIGTERM)
        assert container.wait() == 0, container.log.read_text()[-4000:]
        print(f"drained in {time.monotonic() - stopping_s:.1f} s")
        unwell = container.run(*image.health)
        assert unwell.code == 1
        assert "no answer from 127.0.0.1" in unwell.err
    assert list(container.temporary.iterdir()) == []
    assert [path.name for path in container.state.iterdir()] == ["shop"]


def test_process_1_is_ended_by_the_first_signal_before_there_is_anything_to_drain(image, tmp_path):
    port = configure(tmp_path, f"127.0.0.1:{free_ports(1)[0]}", "nowhere", connect_timeout="2m")
    with Container(image, tmp_path) as container:
        until(lambda: answers(f"http://127.0.0.1:{port}/livez") == httpx.codes.OK, container)
        container.signal(signal.SIGTERM)
        assert container.wait() == 128 + signal.SIGTERM


def test_every_module_and_both_clients_with_all_codecs_are_there(image, tmp_path):
    with Container(image, tmp_path, "--version") as container:
        assert container.wait() == 0
        assert container.log.read_text().startswith("driftline ")
        done = container.run("python", "-c", EVERYTHING)
        assert (done.code, done.out) == (0, "everything\n"), done.err[-3000:]


@pytest.mark.parametrize("user", [65532, 1_000_650_000], ids=["its user", "any user"])
def test_only_state_and_tmp_can_be_written(image, tmp_path, user):
    with Container(image, tmp_path, "--version", user=user) as container:
        assert container.wait() == 0
        done = container.run("python", "-c", WRITE)
    *refused, identity = done.out.splitlines()
    assert identity == f"{user} {user} []", done
    assert [line.split()[1] for line in refused] == [str(READ_ONLY)] * 5, done
