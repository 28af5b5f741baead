"""Both Kafka clients end to end on a real broker: the daemon, the client alone and the engine alone, in turns."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from confluent_kafka import Producer

from monitor.app import RunSettings, running, tune_interpreter
from monitor.clock import SystemClock
from monitor.compile import compile_plan, load_baseline
from monitor.engine import Engine
from monitor.partition import PartitionState
from monitor.types import Fetch
from tests.bench.apart import apart
from tests.bench.bare import bare_client_cpu_s, spec_of
from tests.bench.broker import bench_broker
from tests.bench.delay import delays
from tests.bench.engine import PARTITION, configured, fetches
from tests.bench.figures import Bar, Section, Table
from tests.bench.records import payments
from tests.bench.sizes import Sizes
from tests.support.kafka import Cluster

CLIENTS = ("kafka-python", "librdkafka")
CODECS = ("none", "lz4")
NOTES = {"230 B": 0, "1 KB": 800}
"""Kinds of records, and by how much their note is longer."""
_STAGES = ("poll", "decode", "fold", "judge", "checkpoint", "publish", "other")
_UNITS = {
    "client": "",
    "codec": "",
    "record": "",
    "records_per_s": "records/s",
    "mb_per_s": "MB/s",
    "us_per_record": "µs CPU",
    "client_us": "µs CPU",
    "engine_us": "µs CPU",
    "ratio": "× client + engine",
    "start_s": "s CPU",
    "with_start": "× client + engine",
    "per_fetch": "records",
}
_FEW, _FEW_RECORDS = "-few", 10
"""A second topic, of next to nothing: reading it to the end costs what starting and ending cost."""
_SHARES = {"client": "", "codec": "", "record": "", **dict.fromkeys(_STAGES, "% of the time")}


def measure(directory: Path, sizes: Sizes) -> Section:
    """Return what each client, codec and size of record costs, where the time goes, and how late metrics are."""
    n = sizes.broker_records
    found: list[dict[str, Any]] = []
    with bench_broker() as bootstrap:
        for record, note_bytes in NOTES.items():
            values = payments(n, note_bytes=note_bytes)
            for codec in CODECS:
                topic = f"bench-{codec}-{uuid.uuid4().hex[:8]}"
                produce(bootstrap, topic, values, codec)
                produce(bootstrap, f"{topic}{_FEW}", values[:_FEW_RECORDS], codec)
                for client in CLIENTS:
                    arguments: dict[str, Any] = {
                        "directory": str(directory),
                        "bootstrap": bootstrap,
                        "topic": topic,
                        "client": client,
                    }
                    arguments |= {"records": n, "note_bytes": note_bytes, "turns": sizes.broker_turns}
                    took = apart("tests.bench.clients", "one", **arguments)
                    found.append({"client": client, "codec": codec, "record": record, **took})
        half = {
            row["client"]: row["records_per_s"] / 2
            for row in found
            if (row["codec"], row["record"]) == ("none", "230 B")
        }
        late = delays(directory, bootstrap, half, sizes.delay_s)
    turns = f"{n:,} records of one partition, the least of {sizes.broker_turns} turns"
    ends = Table("ends", "From a real broker to verdicts", turns, _UNITS, [_named(_UNITS, row) for row in found])
    shares = [
        _named(_SHARES, {**row, **{stage: 100 * row["shares"].get(stage, 0.0) for stage in _STAGES}}) for row in found
    ]
    where = Table(
        "shares", "Where the data thread's time goes (driftline_engine_seconds_total)", turns, _SHARES, shares
    )
    bars = [
        Bar(
            f"CPU per record, {client}: times (client alone + engine alone), worst case",
            1.15,
            worst,
            "×",
            least=False,
        )
        for client in CLIENTS
        for worst in [max(row["ratio"] for row in found if row["client"] == client)]
    ]
    bars += [
        Bar(f"append → driftline_records_total at half load, {row['client']}, p99", 2.0, row["p99_s"], "s", least=False)
        for row in late.rows
    ]
    return Section([ends, where, late], bars)


def _named(units: dict[str, str], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in units}


def produce(bootstrap: str, topic: str, values: Sequence[bytes], codec: str) -> None:
    """Write the records to a new topic of the broker and wait until all have arrived."""
    Cluster(bootstrap).create_topic(topic)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": codec,
            "linger.ms": 50,
            "queue.buffering.max.messages": 10**6,
        }
    )
    for value in values:
        producer.produce(topic, value, partition=0)
        producer.poll(0)
    producer.flush()


def one(
    *, directory: str, bootstrap: str, topic: str, client: str, records: int, note_bytes: int, turns: int
) -> dict[str, Any]:
    """Return the cheapest turn of the daemon, of the client alone and of the engine alone; runs in its own process."""
    tune_interpreter()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    values, where = payments(records, note_bytes=note_bytes), Path(directory)
    own = where / f"{client}-{topic}"
    found: dict[str, list[float]] = {"client": [], "client start": [], "engine": [], "start": []}
    whole: list[dict[str, Any]] = []
    for turn in range(turns):
        for name, of, n in (("client start", f"{topic}{_FEW}", _FEW_RECORDS), ("client", topic, records)):
            found[name].append(bare_client_cpu_s(spec_of(where, bootstrap, of, client), n))
        for of, into in ((f"{topic}{_FEW}", own / f"{turn}{_FEW}"), (topic, own / str(turn))):
            into.mkdir(parents=True)
            whole.append(_daemon(into, where, bootstrap, of, client))
        found["start"].append(whole.pop(-2)["cpu_s"])
        engine = _engine(where)
        gc.collect()
        began = time.process_time()
        _judge_all(engine, values, whole[-1]["sizes"])
        found["engine"].append(time.process_time() - began)
    least, best = {name: min(spent) for name, spent in found.items()}, min(whole, key=lambda took: took["cpu_s"])
    going, alone = best["cpu_s"] - least["start"], least["client"] - least["client start"]
    wall_s = min(took["wall_s"] for took in whole)
    return {
        "records_per_s": records / wall_s,
        "mb_per_s": sum(map(len, values)) / wall_s / 1e6,
        "us_per_record": going / records * 1e6,
        "client_us": alone / records * 1e6,
        "engine_us": least["engine"] / records * 1e6,
        "ratio": going / (alone + least["engine"]),
        "start_s": least["start"],
        "with_start": best["cpu_s"] / (least["client"] + least["engine"]),
        "per_fetch": sum(best["sizes"]) / len(best["sizes"]),
        "shares": best["shares"],
    }


class _Counted:
    """A source that notes the size of each fetch; everything else is the source's own."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.sizes: list[int] = []

    def poll(self, paused: Any, timeout_s: float) -> Any:
        """Poll, and note the sizes."""
        events = self._source.poll(paused, timeout_s)
        self.sizes += [len(event) for event in events if isinstance(event, Fetch) and len(event)]
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def _daemon(own: Path, directory: Path, bootstrap: str, topic: str, client: str) -> dict[str, Any]:
    """Run the whole daemon, with its store, HTTP server and publisher, up to the topic's end."""
    config = configured(directory, client=client, bootstrap=bootstrap, topic=topic)
    config = config.model_copy(update={"store": config.store.model_copy(update={"path": str(own)})})
    source = _Counted(config.source.build(SystemClock()))
    with running(config, RunSettings(until_end=True), source=source) as app:
        # A consumer connects and fetches when it is first asked; the bare client's turn has that in it, too.
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        app.daemon.run()
        took = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "sizes": source.sizes}
        seconds = app.view.latest.engine_seconds
    return {**took, "shares": {stage: spent / sum(seconds.values()) for stage, spent in seconds.items()}}


def _engine(directory: Path) -> Engine:
    config = configured(directory)
    plan = compile_plan(config, load_baseline(config))
    engine = Engine(plan, config.decoder.build(plan.decode))
    engine.assign(PartitionState(PARTITION, 0, 0))
    return engine


def _judge_all(engine: Engine, values: Sequence[bytes], sizes: Sequence[int]) -> None:
    """Run the engine alone on the same bytes, in fetches of the same sizes as the daemon had."""
    start = 0
    for size in sizes:
        engine.step(list(fetches([values[start : start + size]], first=start)), 0)
        start += size
