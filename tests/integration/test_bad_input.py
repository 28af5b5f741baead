"""Everything a broken or hostile producer may write: counted, kept as dead letters, and never in anybody's way."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka import TopicPartition as Place
from kafka import KafkaProducer

from monitor.types import TopicPartition
from tests.support import loopback
from tests.support.bad_records import FIELDS, INJECTIONS, MARK, everything_bad, hostile_headers, odd_rows
from tests.support.daemon import stored_heads
from tests.support.kafka import Cluster
from tests.support.prometheus import binary
from tests.support.system import (
    LARGE,
    LATENESS_MS,
    PARTITIONS,
    WINDOW_MS,
    System,
    creates_topics,
    record,
    window_of_records,
)

pytestmark = [pytest.mark.xdist_group("kafka")]


@pytest.fixture(params=["kafka-python", "librdkafka"])
def system(tmp_path: Path, kafka_broker: Cluster, request: pytest.FixtureRequest) -> Iterator[System]:
    """A system on either client whose dead letter topic takes large records; not started yet."""
    with System(tmp_path, kafka_broker, [{"kind": "log", "name": "log"}]) as made:
        made.settings["source"]["client"] = request.param
        made.settings["fields"] = FIELDS
        made.settings["segments"] = [{"field": "country", "max": 5}]
        made.build_baseline()
        yield made


def make_dead_topic(system: System) -> None:
    system.cluster.create_topic(system.dead_topic, 1, LARGE)


def read_dead_letters(system: System, n: int, timeout_s: float = 90.0) -> list[Message]:
    """Return what is in the dead letter topic, as soon as there are `n` different letters."""
    consumer = Consumer(
        {"bootstrap.servers": system.cluster.bootstrap, "group.id": "reader", "fetch.message.max.bytes": 16_000_000}
    )
    consumer.assign([Place(system.dead_topic, 0, 0)])
    letters: list[Message] = []
    deadline_s = time.monotonic() + timeout_s
    while len({origin(letter) for letter in letters}) < n and time.monotonic() < deadline_s:
        letter = consumer.poll(0.5)
        if letter is not None and letter.error() is None:
            letters.append(letter)
    consumer.close()
    return letters


def origin(letter: Message) -> tuple[bytes | None, ...]:
    """Return the place a letter came from."""
    own = dict(letter.headers() or [])
    return tuple(own[f"driftline.{name}"] for name in ("topic", "partition", "offset"))


def test_every_kind_of_bad_record_is_counted_kept_and_otherwise_ignored(system: System) -> None:
    """Counts, dead letters, watermark, field statistics and the log, after all of it at once."""
    make_dead_topic(system)
    system.start()
    first_ms = (int(time.time()) - 120) * 1000
    system.produce(window_of_records(first_ms))
    bad = everything_bad(int(time.time() * 1000))
    keys = [None if i % 5 == 0 else f"{INJECTIONS[i % len(INJECTIONS)]}{i}".encode() for i in range(len(bad))]
    headers = [None if i % 7 == 0 else hostile_headers(i) for i in range(len(bad))]
    for partition in range(PARTITIONS):
        values = [value for _, value in bad]
        system.cluster.produce(system.topic, values, partition=partition, keys=keys, headers=headers)
        tombstones: list[bytes | None] = [None] * 5
        system.cluster.produce(system.topic, tombstones, partition=partition, keys=[b"k", None, b"", b"\xff", b"k"])
        system.produced[partition] += len(bad) + 5
    await_all_read(system)
    marks = [p["watermark_ms"] for p in system.status()["partitions"]]
    good = window_of_records(first_ms)
    assert marks == [json.loads(good[p - PARTITIONS])["at"] - LATENESS_MS for p in range(PARTITIONS)]

    assert_counts(system, Counter(reason for reason, _ in bad))
    assert_dead_letters(system, bad, keys, headers)
    assert_odd_fields_are_told_apart(system, first_ms + WINDOW_MS)
    assert_nothing_was_smuggled(system)
    assert system.daemon is not None
    assert system.daemon.stop() == 0


def await_all_read(system: System) -> None:
    system.until(lambda: [p["records"] for p in system.status()["partitions"]] == system.produced)


def assert_counts(system: System, reasons: Counter[str]) -> None:
    """Compare status and metrics with what was sent."""
    status = system.status()
    expected = {reason: n * PARTITIONS for reason, n in reasons.items()}
    assert {item["reason"]: item["count"] for item in status["rejects"]} == expected
    assert {dict(k)["reason"]: v for k, v in system.metrics("driftline_rejects_total").items()} == expected
    assert status["filtered"] == {system.topic: 5 * PARTITIONS}
    assert system.metrics("driftline_filtered_total") == {(): 5 * PARTITIONS}
    assert system.metrics("driftline_records_total") == {
        (("partition", str(p)),): n for p, n in enumerate(system.produced)
    }
    assert status["lag_records"] == 0


def assert_dead_letters(
    system: System,
    bad: list[tuple[str, bytes]],
    keys: list[bytes | None],
    headers: list[list[tuple[str, bytes | None]] | None],
) -> None:
    """Compare every dead letter with the record it was: bytes, key, headers, and where it stood."""
    letters = read_dead_letters(system, len(bad) * PARTITIONS)
    assert len({origin(letter) for letter in letters}) == len(letters) == len(bad) * PARTITIONS
    for letter in letters:
        _, partition, offset = (part.decode() for part in origin(letter) if part is not None)
        number = int(offset) - (system.produced[int(partition)] - len(bad) - 5)
        reason, value = bad[number]
        assert (letter.value(), letter.key()) == (value, keys[number])
        added = [
            ("driftline.reason", reason.encode()),
            ("driftline.topic", system.topic.encode()),
            ("driftline.partition", partition.encode()),
            ("driftline.offset", offset.encode()),
        ]
        assert letter.headers() == [*(headers[number] or []), *added]
    system.until(
        lambda: (
            system.metrics("driftline_dead_letters_total")
            == {(("outcome", "delivered"),): len(letters), (("outcome", "failed"),): 0, (("outcome", "suppressed"),): 0}
        )
    )


def assert_odd_fields_are_told_apart(system: System, start_ms: int) -> None:
    """Write a window of odd rows and compare the ratios of every field with what was written."""
    rows, counts = odd_rows(start_ms)
    for partition in range(PARTITIONS):
        n = len(rows)
        traces = [[("trace", b"\xff")] if i % 2 else [] for i in range(n)]
        keys = [b"\xff" if i % 2 else b"k" for i in range(n)]
        system.cluster.produce(system.topic, rows, partition=partition, keys=keys, headers=traces)
        system.produced[partition] += n
    system.produce([record(start_ms + WINDOW_MS + 250, 1.0, "DE")] * 2)
    system.await_window(start_ms + WINDOW_MS)
    n = len(rows)
    half = n // 2
    counts |= {("$key", "invalid"): half, ("$header.trace", "invalid"): half, ("$header.trace", "missing"): n - half}
    for path in FIELDS:
        here = (("field", path), ("segment", ""))
        assert system.metrics("driftline_field_rows")[here] == n * PARTITIONS
        for kind in ("missing", "invalid"):
            shown = system.metrics(f"driftline_field_{kind}_ratio")[here]
            assert shown == pytest.approx(counts[path, kind] / n, abs=1e-12), (path, kind)
    assert system.metrics("driftline_field_mean")[(("field", "amount"), ("segment", ""))] == pytest.approx(50.5)


def assert_nothing_was_smuggled(system: System) -> None:
    """No text of a record became a label, markup, a log line of its own, or a log line's content."""
    page = system.metrics_page()
    assert MARK not in page
    run = subprocess.run(
        [binary("promtool"), "check", "metrics"], input=page.encode(), capture_output=True, check=False
    )
    assert run.returncode in {0, 3}, run.stderr
    segments = {dict(labels)["segment"] for labels in system.metrics("driftline_field_rows")}
    assert segments == {"", "country=<other>", "country=DE", "country=FR", "country=US"}
    for path in ("/", "/fields/country", "/fields/note"):
        console = loopback.get(f"{system.url}{path}", timeout=60.0).text
        assert "<script>alert" not in console
    names = system.status()["unknown_fields"]
    assert all(len(name) <= 1000 and "\n" not in name and "\x1b" not in name for name in names)
    assert MARK not in system.log
    events = [json.loads(line)["event"] for line in system.log.splitlines()]
    assert "forged" not in events
    assert "window_judged" in events


def test_a_bad_deploy_does_not_copy_the_topic_into_the_dead_letters(system: System) -> None:
    """From some point on nothing is a row any more: a few letters, everything counted, and told where it stands."""
    make_dead_topic(system)
    system.settings["dead_letter"] |= {"max_ratio": 0.1, "ratio_records": 200}
    system.start()
    now_ms = int(time.time() * 1000) - 60_000
    system.produce([record(now_ms, 1.0, "DE")] * 500)
    await_all_read(system)
    good = list(system.produced)
    system.produce([f"{{broken {i}".encode() for i in range(3_000)])
    await_all_read(system)
    system.until(lambda: system.status()["letters"]["delivered"] == 20)
    status = system.status()
    assert status["letters"] == {
        "topic": system.dead_topic,
        "delivered": 20,
        "failed": 0,
        "suppressed": 2_980,
        "pending": 0,
        "suppressing": [{"topic": system.topic, "limit": "max_ratio"}],
    }
    places = [
        {"partition": p, "first_offset": good[p], "last_offset": system.produced[p] - 1} for p in range(PARTITIONS)
    ]
    assert status["rejects"] == [
        {"topic": system.topic, "reason": "malformed", "count": 3_000, "partitions": places},
    ]
    assert len(read_dead_letters(system, 21, 3.0)) == 20
    assert system.metrics("driftline_dead_letters_total")[(("outcome", "suppressed"),)] == 2_980
    assert system.log.count("dead_letters_suppressed") == 1


class RawName(str):
    """A header name that is sent as bytes that are no text."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe" + MARK.encode()


def test_a_header_name_that_is_no_text_does_not_stop_the_partition(system: System) -> None:
    """The protocol says that names are UTF-8, and nothing makes a producer keep to it."""
    make_dead_topic(system)
    system.start()
    now_ms = int(time.time() * 1000) - 60_000
    system.produce([record(now_ms, 1.0, "DE")] * 2)
    producer = KafkaProducer(bootstrap_servers=system.cluster.bootstrap)
    for partition in range(PARTITIONS):
        for value in (record(now_ms, 1.0, "DE"), b"{broken"):
            producer.send(system.topic, value, partition=partition, headers=[(RawName("x"), b"v")]).get(10)
            system.produced[partition] += 1
    producer.close()
    system.produce([record(now_ms, 1.0, "DE")] * 2)
    await_all_read(system)
    assert {item["reason"]: item["count"] for item in system.status()["rejects"]} == {"malformed": PARTITIONS}


@pytest.mark.parametrize("system", ["librdkafka"], indirect=True)
def test_names_of_unknown_fields_cannot_fill_the_checkpoint(system: System) -> None:
    """What a producer may put into the state of the monitor is bounded, however long its field names are."""
    make_dead_topic(system)
    system.start()
    now_ms = int(time.time() * 1000) - 60_000
    rows = [json.dumps({"at": now_ms, f"{i}-" + "k" * 900_000: 1}).encode() for i in range(16)]
    system.cluster.produce(system.topic, rows, **{"compression.type": "zstd"})
    system.produced[0] += len(rows)
    await_all_read(system)
    assert system.status()["unknown_fields"].keys() > {f"{i}-" + "k" * (200 - len(f"{i}-")) for i in range(10, 16)}
    assert system.daemon is not None
    assert system.daemon.stop() == 0
    size = sum(file.stat().st_size for file in system.store.iterdir())
    assert size < 500_000


def test_without_the_dead_letter_topic_nothing_is_lost_and_nothing_is_checkpointed(system: System) -> None:
    """The daemon is killed meanwhile; as soon as there is the topic, every reject is in it."""
    if creates_topics(system.cluster):
        pytest.skip("this broker creates topics by itself, so none is ever missing")
    system.settings["store"]["checkpoint_interval"] = "200ms"
    system.start()
    first_ms = (int(time.time()) - 120) * 1000
    bad = [f"{{broken {i}".encode() for i in range(20)]
    system.produce([*window_of_records(first_ms), *bad])
    assert system.daemon is not None
    system.until(lambda: "dead_letters_unacknowledged" in system.log)
    system.daemon.kill()
    heads = stored_heads(system.store)
    assert [heads[TopicPartition(system.topic, p)]["next_offset"] for p in range(PARTITIONS)] == [0] * PARTITIONS

    system.start()
    make_dead_topic(system)
    letters = read_dead_letters(system, len(bad), 90.0)
    assert {letter.value() for letter in letters} == set(bad)
    system.produce([record(first_ms + WINDOW_MS + 250, 1.0, "DE")] * 2)
    system.await_window(first_ms + WINDOW_MS)
    assert system.daemon.stop() == 0
    heads = stored_heads(system.store)
    assert [head["records"] for head in heads.values()] == system.produced
