"""A real Apache Kafka broker (KRaft, one JVM) and librdkafka's mock cluster, behind the same few methods.

`python -m tests.support.kafka --port 9092` runs a broker in the foreground.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]
POM = ROOT / "tests/support/kafka-pom.xml"
CACHE = ROOT / ".cache/kafka"
START_TIMEOUT_S = 120.0
USER, PASSWORD = "driftline", "not-so-secret"
_SHARED = "DRIFTLINE_TEST_KAFKA_SHARED"
_numbers = count()

_PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl_port},{controller},FRONT://127.0.0.1:{behind_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl_port},FRONT://127.0.0.1:{front_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,FRONT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
log.dirs={directory}/logs
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=250
log.cleaner.backoff.ms=100
log.retention.ms=-1
log.retention.check.interval.ms=200
log.initial.task.delay.ms=200
log.segment.delete.delay.ms=100
message.max.bytes=16777216
"""


class KafkaUnavailableError(Exception):
    """There is no Java, no Maven or no broker to be had; the message says which."""


def unique(prefix: str) -> str:
    """Return a name that no other test uses, for a topic or a group."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}-{os.urandom(3).hex()}"


class Cluster:
    """What tests do with a cluster, whoever runs it: make topics and write records."""

    def __init__(
        self,
        bootstrap: str,
        *,
        sasl_bootstrap: str | None = None,
        embedded: bool = False,
        front: tuple[int, int] = (0, 0),
    ) -> None:
        self.bootstrap = bootstrap
        self.sasl_bootstrap = sasl_bootstrap
        self.embedded = embedded
        self.front = front
        """The port that its listener FRONT tells clients, where a proxy may stand, and the one where it listens."""

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Make a topic and return its name."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        topic = NewTopic(name, partitions, 1, config=dict(config or {}))
        admin.create_topics([topic], request_timeout=90)[name].result()
        return name

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        partition: int = 0,
        keys: Sequence[bytes | None] | None = None,
        timestamps_ms: Sequence[int] | None = None,
        headers: Sequence[list[tuple[str, bytes | None]] | None] | None = None,
        **config: Any,
    ) -> None:
        """Write records, and wait until the broker has acknowledged all of them."""
        settings = {"bootstrap.servers": self.bootstrap, "linger.ms": 5, "message.max.bytes": 16_000_000}
        producer = Producer(settings | config)
        refused: list[str] = []

        def heard(error: KafkaError | None, _message: Any) -> None:
            refused.extend([error.str()] if error is not None else [])

        for i, value in enumerate(values):
            producer.produce(
                topic,
                value,
                key=keys[i] if keys else None,
                partition=partition,
                timestamp=timestamps_ms[i] if timestamps_ms else 0,
                headers=(headers[i] or []) if headers else [],
                on_delivery=heard,
            )
            producer.poll(0)
        assert producer.flush(90) == 0, "the broker did not take all records"
        assert not refused, refused[0]


class MockCluster(Cluster):
    """librdkafka's mock cluster in this process: the wire protocol, four partitions a topic, no Java."""

    def __init__(self) -> None:
        # The original bootstrap server is never asked; the cluster lives as long as this producer.
        self._owner = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 2})
        brokers = self._owner.list_topics(timeout=60).brokers.values()
        super().__init__(",".join(f"{broker.host}:{broker.port}" for broker in brokers), embedded=True)

    def create_topic(self, name: str, partitions: int = 4, config: Mapping[str, str] | None = None) -> str:
        """Make a topic, which always has four partitions, and return its name."""
        self._owner.list_topics(name, timeout=60)
        return name


class Broker(Cluster):
    """A real broker in a directory of its own, which survives `stop`, `kill` and `start`."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        ports = free_ports(5)
        self.port, self.sasl_port = port or ports[0], ports[1]
        plain, sasl = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.sasl_port}"
        super().__init__(plain, sasl_bootstrap=sasl, front=(ports[3], ports[4]))
        self.directory = directory
        self._controller_port = ports[2]
        self._classpath = classpath()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Broker:
        """Start the broker and wait until it answers; raises KafkaUnavailableError when it does not."""
        properties = self.directory / "server.properties"
        if not properties.exists():
            self._format(properties)
        with (self.directory / "kafka.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", properties],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(KafkaException):
                admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
                admin.list_topics(timeout=2)
                return self
        self.kill()
        log = (self.directory / "kafka.log").read_text(errors="replace")
        raise KafkaUnavailableError(f"the broker did not come up:\n{log[-3000:]}")

    def _format(self, properties: Path) -> None:
        properties.write_text(
            _PROPERTIES.format(
                port=self.port,
                sasl_port=self.sasl_port,
                controller_port=self._controller_port,
                controller=f"CONTROLLER://127.0.0.1:{self._controller_port}",
                front_port=self.front[0],
                behind_port=self.front[1],
                directory=self.directory,
                module="org.apache.kafka.common.security",
                user=USER,
                password=PASSWORD,
            )
        )
        tool = [*self._java(), "kafka.tools.StorageTool"]
        cluster_id = base64.urlsafe_b64encode(b"K" + os.urandom(15)).decode()[:22]  # as it writes a UUID
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        options = ["--standalone", "--cluster-id", cluster_id, "--config", str(properties), "--add-scram", scram]
        subprocess.run([*tool, "format", *options], check=True, capture_output=True)

    def _java(self) -> list[str]:
        quick = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # to start: it runs for minutes
        return ["java", "-Xmx384m", *quick, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", self._classpath]

    def stop(self) -> None:
        """Let the broker shut down in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a power failure would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def classpath() -> str:
    """Return the broker's class path, fetched once by Maven; raises KafkaUnavailableError."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None and not (tool == "mvn" and _is_fresh()):
            raise KafkaUnavailableError(f"{tool} is not installed (Java 17 and Maven make a real Kafka broker)")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh():
            output = f"-Dmdep.outputFile={CACHE / 'classpath'}"
            goal = ["dependency:build-classpath", output, "-Dmdep.includeScope=runtime"]
            done = subprocess.run(["mvn", "-q", "-B", "-f", POM, *goal], capture_output=True, text=True, check=False)
            if done.returncode:
                raise KafkaUnavailableError(f"Maven cannot fetch the broker's jars: {done.stdout[-500:]}")
            shutil.copyfile(POM, CACHE / "pom")
    return (CACHE / "classpath").read_text().strip()


def _is_fresh() -> bool:
    """Return whether the class path was made from the present POM and all its jars are there."""
    path, stamp = CACHE / "classpath", CACHE / "pom"
    if not (path.exists() and stamp.exists() and filecmp.cmp(POM, stamp, shallow=False)):
        return False
    return all(Path(jar).exists() for jar in path.read_text().strip().split(":"))


def _unavailable(error: Exception) -> None:
    """Skip the test that needs a broker, or fail it where a broker has to be."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no real Kafka: {error}")


def _shared_broker(directory: Path) -> Cluster:
    """Return the broker of this test run; the first process that asks starts it."""
    address = directory / "address"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            output = (directory / "supervisor.log").open("wb")
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.support.kafka",
                    "--directory",
                    directory,
                    "--parent",
                    os.environ[_SHARED],
                ],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ).returncode = 0  # it is the test run's, not this process's, to wait for
            output.close()
            deadline = time.monotonic() + 2 * START_TIMEOUT_S
            while not address.exists() and not (directory / "failed").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
    if not address.exists():
        raise KafkaUnavailableError((directory / "supervisor.log").read_text(errors="replace")[-3000:])
    plain, sasl, front, behind = address.read_text().split()
    return Cluster(plain, sasl_bootstrap=sasl, front=(int(front), int(behind)))


def _shared_directory() -> Path:
    return Path(tempfile.gettempdir()) / f"driftline-test-kafka-{os.environ[_SHARED]}"


def pytest_configure(config: pytest.Config) -> None:
    """Tell the workers, if there are any, under whose process the broker is to be shared."""
    # kafka-python loads its protocol in a way that Python 3.11 (only) calls deprecated.
    config.addinivalue_line("filterwarnings", "ignore:(open|read)_text is deprecated:DeprecationWarning")
    if not hasattr(config, "workerinput"):
        os.environ[_SHARED] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the shared broker, if one was started."""
    if hasattr(config, "workerinput") or not _shared_directory().exists():
        return
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        os.kill(int((_shared_directory() / "pid").read_text()), signal.SIGTERM)
    shutil.rmtree(_shared_directory(), ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_broker() -> Cluster:
    """A real cluster, shared by all tests; use unique names. `DRIFTLINE_TEST_KAFKA=host:port` takes an existing one."""
    existing = os.environ.get("DRIFTLINE_TEST_KAFKA")
    if existing:
        return Cluster(existing)
    directory = _shared_directory()
    directory.mkdir(exist_ok=True)
    try:
        return _shared_broker(directory)
    except KafkaUnavailableError as error:
        _unavailable(error)
        raise


@pytest.fixture(scope="module")
def own_kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker that the tests of one module may stop, kill and start."""
    try:
        broker = Broker(tmp_path_factory.mktemp("kafka")).start()
    except KafkaUnavailableError as error:
        _unavailable(error)
        raise
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def mock_kafka() -> MockCluster:
    """librdkafka's mock cluster, one a module."""
    return MockCluster()


def main() -> None:
    """Run a broker until the process gets SIGTERM or SIGINT, or the given parent process is gone."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--parent", type=int, default=os.getpid())
    arguments = parser.parse_args()
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="driftline-kafka-"))
    ended: list[int] = []
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, _frame: ended.append(number))
    (directory / "pid").write_text(str(os.getpid()))
    try:
        broker = Broker(directory, arguments.port).start()
    except KafkaUnavailableError as error:
        print(error, file=sys.stderr)
        (directory / "failed").touch()
        raise SystemExit(69) from error
    (directory / "starting").write_text(" ".join(map(str, (broker.bootstrap, broker.sasl_bootstrap, *broker.front))))
    (directory / "starting").rename(directory / "address")
    print(f"Kafka listens on {broker.bootstrap}; data in {directory}", flush=True)
    while not ended and Path(f"/proc/{arguments.parent}").exists():
        time.sleep(0.2)
    broker.kill()
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
