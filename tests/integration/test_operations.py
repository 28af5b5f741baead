"""What an operator does with the daemon on a real system: check, start, stop, secure."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place

from tests.support import loopback
from tests.support.command_line import answer, as_installed, invoke, line, run
from tests.support.daemon import stored_heads
from tests.support.kafka import PASSWORD, USER, Broker, Cluster
from tests.support.ports import free_ports
from tests.support.receiver import Receiver, Reply, Request, always
from tests.support.system import PARTITIONS, System, creates_topics, window_of_records

pytestmark = [pytest.mark.xdist_group("kafka")]

DRAIN_S = 25.0
"""What draining takes at most on a busy machine; a sink that hangs does so for longer, and what is gone for ever."""
UNAVAILABLE = 69
CLIENTS = pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
TOKEN = "a-token-for-tests"
HOOK_SECRET = "a-secret-for-the-hook"


@pytest.fixture
def system(tmp_path: Path, kafka_broker: Cluster, baseline: Path) -> Iterator[System]:
    """A system that is not started yet."""
    with System(tmp_path, kafka_broker, baseline=baseline) as made:
        yield made


def two_minutes_ago_ms() -> int:
    return (int(time.time()) - 120) * 1000


def drain(system: System) -> float:
    """Tell the daemon to stop, and return how long it took (s); it must end well."""
    assert system.daemon is not None
    began_s = time.monotonic()
    assert system.daemon.stop() == 0, system.log[-3000:]
    return time.monotonic() - began_s


def has_read_everything(system: System) -> bool:
    return [p["next_offset"] for p in system.status()["partitions"]] == system.produced


def assert_everything_is_stored(system: System) -> None:
    assert [head["records"] for _, head in sorted(stored_heads(system.store).items())] == system.produced


@CLIENTS
def test_sigterm_drains_and_leaves_everything_durable(system: System, client: str) -> None:
    """Also what no checkpoint was due for."""
    system.settings["source"]["client"] = client
    system.settings["store"]["checkpoint_interval"] = "1h"
    system.cluster.create_topic(system.dead_topic)
    system.start()
    system.produce([*window_of_records(two_minutes_ago_ms()), b"{broken", b"[]"])
    system.until(partial(has_read_everything, system))
    assert drain(system) < DRAIN_S
    assert_everything_is_stored(system)
    assert committed(system) == system.produced


def committed(system: System) -> list[int]:
    """Return the offsets that lag tools see."""
    consumer = Consumer({"bootstrap.servers": system.cluster.bootstrap, "group.id": system.topic})
    asked = [Place(system.topic, partition) for partition in range(PARTITIONS)]
    found = [place.offset for place in consumer.committed(asked, timeout=60.0)]
    consumer.close()
    return found


def test_sigterm_does_not_wait_for_a_sink_that_hangs(system: System) -> None:
    with Receiver(lambda _: Reply(hang=True)) as hook:
        system.settings["sinks"] = [{"kind": "webhook", "name": "hook", "url": hook.url, "timeout": "30s"}]
        system.start()
        first_ms = two_minutes_ago_ms()
        for i in range(4):
            system.produce(window_of_records(first_ms + 1000 * i, factor=3.0))
        hook.wait_for(bool)
        assert drain(system) < DRAIN_S


@CLIENTS
def test_sigterm_does_not_wait_for_a_dead_letter_topic_that_is_missing(system: System, client: str) -> None:
    """What is not checkpointed is read again, so there is nothing to wait for."""
    if creates_topics(system.cluster):
        pytest.skip("this broker creates topics by itself, so none is ever missing")
    system.settings["source"]["client"] = client
    system.start()
    system.produce([*window_of_records(two_minutes_ago_ms()), b"{broken", b"[]"])
    system.until(lambda: "dead_letters_unacknowledged" in system.log)
    assert system.status()["alive"]
    assert drain(system) < DRAIN_S
    assert [head["next_offset"] for head in stored_heads(system.store).values()] == [0] * PARTITIONS
    # a client that repeats its complaint ten times a second would fill the disk
    assert len(system.log.splitlines()) < 20


def test_sigterm_does_not_wait_for_a_broker_that_is_gone(
    tmp_path: Path, own_kafka_broker: Broker, baseline: Path
) -> None:
    """With either client; what was read before is stored."""
    with ExitStack() as stack:
        systems = []
        for client in ("kafka-python", "librdkafka"):
            (tmp_path / client).mkdir()
            system = stack.enter_context(System(tmp_path / client, own_kafka_broker, baseline=baseline))
            system.settings["source"]["client"] = client
            system.start()
            system.produce(window_of_records(two_minutes_ago_ms()))
            system.until(partial(has_read_everything, system))
            systems.append(system)
        own_kafka_broker.kill()
        time.sleep(3.0)  # for the clients to notice, one way or the other
        assert all(system.status()["alive"] for system in systems)
        with ThreadPoolExecutor() as at_once:
            assert max(at_once.map(drain, systems)) < DRAIN_S
        for system in systems:
            assert_everything_is_stored(system)


def test_a_second_signal_ends_the_process_at_once(system: System) -> None:
    """As the checkpoint allows: the next life reads what was not read, and tells what was not taken."""
    with Receiver(lambda _: Reply(hang=True)) as hook:
        system.settings["sinks"] = [{"kind": "webhook", "name": "hook", "url": hook.url, "timeout": "30s"}]
        daemon = system.start()
        first_ms = two_minutes_ago_ms()
        for i in range(4):
            system.produce(window_of_records(first_ms + 1000 * i, factor=3.0))
        hook.wait_for(bool)
        daemon.process.send_signal(signal.SIGTERM)
        system.until(lambda: "signal_received" in system.log)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(90.0) == -signal.SIGTERM, "it has not drained"
        daemon.kill()
        untaken = fingerprints(hook.requests)
        assert untaken
        answered_from = len(hook.requests)
        hook.behave = always(200)
        system.start()
        system.until(partial(has_read_everything, system))
        hook.wait_for(lambda requests: untaken <= fingerprints(requests[answered_from:]))
        drain(system)
    assert_everything_is_stored(system)


def fingerprints(requests: list[Request]) -> set[str]:
    """Return of which alerts a webhook was told."""
    return {alert["fingerprint"] for request in requests for alert in json.loads(request.body)["alerts"]}


def test_two_processes_cannot_share_a_store(system: System) -> None:
    system.start()
    second = run("run", "-c", system.config)
    assert second.returncode == UNAVAILABLE
    assert "another process uses the store" in second.stderr
    assert "Traceback" not in second.stderr
    assert system.status()["ready"]


def check(system: System) -> tuple[int, str]:
    """Return exit code and output of `driftline check --connect`."""
    done = invoke("check", "-c", system.config, "--connect")
    return done.exit_code, done.output


def test_check_connects_to_everything_that_is_configured(system: System) -> None:
    """Everything there; then one part after the other missing, each with what can be done about it."""
    source = system.settings["source"]
    source["connect_timeout"] = "3s"
    gone = f"http://127.0.0.1:{free_ports(1)[0]}"
    with Receiver() as hook:
        webhook = {"kind": "webhook", "name": "hook", "url": hook.url, "secret": HOOK_SECRET}
        system.settings["sinks"] = [webhook]
        code, said = check(system)
        assert code == 0, said
        assert f"{system.topic} with 2 partitions" in said
        assert hook.requests == []
        assert HOOK_SECRET not in said
        code, said = check_with(system, sinks=[webhook, {"kind": "alertmanager", "name": "am", "urls": [gone]}])
        assert code == UNAVAILABLE, said
        assert "sink am: 127.0.0.1" in said
    code, said = check_with(system, source=source | {"topics": ["there-is-no-such-topic"]})
    assert code == UNAVAILABLE, said
    assert "there-is-no-such-topic" in said
    # a process of its own: kafka-python leaves sockets that were refused to the garbage collector
    system.settings["source"] = source | {"bootstrap_servers": gone.removeprefix("http://")}
    done = run("check", "-c", system.config, "--connect")
    assert done.returncode == UNAVAILABLE, done.stderr
    assert gone.removeprefix("http://") in done.stdout


def check_with(system: System, **settings: Any) -> tuple[int, str]:
    """Check with some settings changed, for this once."""
    before = dict(system.settings)
    system.settings |= settings
    try:
        return check(system)
    finally:
        system.settings = before


@CLIENTS
def test_the_daemon_reads_and_writes_through_sasl(system: System, client: str) -> None:
    """Source and dead letters both; the password is in a file, and never seen again."""
    if system.cluster.sasl_bootstrap is None:
        pytest.skip("this broker has no SASL listener")
    password = system.directory / "password"
    password.write_text(f"{PASSWORD}\n")
    system.settings["source"] |= {
        "client": client,
        "connect_timeout": "10s",
        "bootstrap_servers": system.cluster.sasl_bootstrap,
        "security": {
            "protocol": "SASL_PLAINTEXT",
            "mechanism": "PLAIN",
            "username": USER,
            "password": f"${{file:{password}}}",
        },
    }
    system.cluster.create_topic(system.dead_topic)
    system.start()
    system.produce([*window_of_records(two_minutes_ago_ms()), b"{broken", b"[]"])
    system.until(lambda: dict(system.metrics("driftline_dead_letters_total")).get((("outcome", "delivered"),)) == 2)
    system.until(partial(has_read_everything, system))
    assert drain(system) < DRAIN_S
    assert PASSWORD not in system.log

    password.write_text("wrong-horse")
    refused = run("run", "-c", system.config)
    assert refused.returncode == UNAVAILABLE
    assert "wrong-horse" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_everything_but_the_probes_needs_the_token(system: System) -> None:
    """And the token is nowhere to be seen."""
    system.settings["http"]["token"] = TOKEN
    system.start()
    for path in ("/livez", "/healthz", "/readyz"):
        assert loopback.get(f"{system.url}{path}", timeout=60.0).status_code == httpx.codes.OK
    data = [f"/api/v1/{name}" for name in ("status", "verdicts", "alerts")]
    closed = ["/", "/metrics", *data, "/api/v1/profile", "/fields/amount", "/no-such-page"]
    for path in closed:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            page = loopback.get(f"{system.url}{path}", headers=headers, timeout=60.0)
            assert page.status_code == httpx.codes.UNAUTHORIZED, (path, headers)
            assert "driftline_" not in page.text
    pages = [
        loopback.get(f"{system.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60.0)
        for path in closed[:5]
    ]
    assert {page.status_code for page in pages} == {httpx.codes.OK}
    assert not [page.url for page in pages if TOKEN in page.text]
    assert TOKEN not in system.log
    assert TOKEN not in answer("check", "-c", system.config)


def test_the_process_listens_before_it_is_connected(system: System) -> None:
    """So that whoever probes it sees it alive and not ready, rather than nothing."""
    system.settings["source"] |= {"bootstrap_servers": f"127.0.0.1:{free_ports(1)[0]}", "connect_timeout": "8s"}
    command = line("run", "-c", system.config)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=as_installed()
    ) as process:
        try:
            assert seen(f"{system.url}/livez", process) == httpx.codes.OK
            assert loopback.get(f"{system.url}/readyz", timeout=60.0).status_code == httpx.codes.SERVICE_UNAVAILABLE
            _, said = process.communicate(timeout=90)
        finally:
            process.kill()
    assert process.returncode == UNAVAILABLE
    assert "Traceback" not in said


def seen(url: str, process: subprocess.Popen[str]) -> int:
    """Return the first status that is answered."""
    while process.poll() is None:
        try:
            return loopback.get(url, timeout=10.0).status_code
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the process ended before it answered")
