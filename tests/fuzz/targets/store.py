"""The store's SQLite file, damaged anywhere: opened and read, or refused as damaged."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import structlog

from monitor.errors import Retryable, StoreError, SurroundingsError
from monitor.saving import Saver, restore_partition
from monitor.store.reading import stored_alerts
from monitor.store.sqlite import Store
from tests.fuzz.target import Target, Try
from tests.support.monitors import Rig, make_engine, make_plan, record, usual

_CHANGES = 8


@cache
def good_file() -> bytes:
    """Return the file of a store in which there is something of everything."""
    with tempfile.TemporaryDirectory() as name:
        rig = Rig(Path(name), make_plan(size_ms=500))
        rig.append([*usual(900), record(1_003_000)])
        rig.start(configuration="name: m\n")
        rig.until_end()
        rig.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rig.crash()
        return (Path(name) / "driftline.sqlite3").read_bytes()


def damaged(data: bytes) -> bytes:
    """Return the good file with changes: three bytes say where, one how many of those that follow are put there."""
    content = bytearray(good_file())
    at = 1
    for _ in range(_CHANGES):
        if at + 4 > len(data):
            break
        where, size = int.from_bytes(data[at : at + 3], "big") % len(content), data[at + 3] % 64
        content[where : where + size] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return bytes(content[: len(content) * (data[0] or 256) // 256] if data else content)


def build() -> Try:
    """Return what puts damage into a store, opens it and continues an engine from it."""
    structlog.configure(processors=[_dropped])
    directory = Path(tempfile.mkdtemp(prefix="driftline-fuzz-"))
    file = directory / "driftline.sqlite3"
    plan = make_plan(size_ms=500)

    def attempt(data: bytes) -> None:
        for beside in directory.glob("driftline.sqlite3*"):
            beside.unlink()
        file.write_bytes(damaged(data))
        try:
            with closing(Store(directory)) as store:
                engine = make_engine(plan)
                Saver(engine).restore(
                    store.get("monitor"),
                    store.memory(),
                    events=store.events(),
                    configuration=store.get("configuration"),
                )
                for partition, head in store.heads().items():
                    engine.assign(restore_partition(plan, partition, head, store.panes(partition)))
                for _ in store.windows():
                    pass
                for _ in store.window_profiles():
                    pass
                engine.finish()
            stored_alerts(file, 0)
        except (StoreError, SurroundingsError, Retryable) as error:
            json.dumps(str(error))

    return attempt


def _dropped(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


SEEDS = (
    b"",
    b"\0\0\0\x10\4abcd",
    b"\x80",
    b"\0\0\x20\0\x10" + b"\xff" * 16,
    b"\0\0\x40\0\x08" + b"\x7f" * 8 + b"\0\0\x10\1\2",
)
TARGET = Target(build, SEEDS, max_bytes=600)
