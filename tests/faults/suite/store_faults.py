"""The store: its disk is full, its file locked, damaged, or of another version."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from monitor.store.sqlite import file_in
from tests.faults.suite.fault import Fault, register
from tests.faults.suite.scene import Scene
from tests.support.daemon import DaemonProcess

_LOCKED_S = 14.0
"""Longer than SQLite waits for a lock, 10 s."""
_FULL_S = 8.0
_PAGE_BYTES = 4_096


def small_disk(scene: Scene) -> None:
    """Put the store on a disk of its own, of 24 MB."""
    place = scene.directory / "disturbed"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], check=True)
    scene.after.callback(subprocess.run, ["umount", place], check=True)


def fill(scene: Scene) -> None:
    """Let something else fill the disk to the last byte for a while."""
    scene.until_reading(200)
    filling = scene.directory / "disturbed" / "filling"
    failed = len(scene.events("checkpoint_failed"))
    with filling.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    scene.until(lambda: len(scene.events("checkpoint_failed")) > failed, "a checkpoint failed")
    scene.wait(_FULL_S)
    filling.unlink()
    scene.until_reading(200)


def lock(scene: Scene) -> None:
    """Hold SQLite's write lock for longer than anybody waits for it."""
    scene.until_reading(200)
    with closing(sqlite3.connect(file_in(scene.directory / "disturbed"), isolation_level=None)) as tool:
        tool.execute("PRAGMA busy_timeout = 60000")
        tool.execute("BEGIN IMMEDIATE")
        scene.wait(_LOCKED_S)
        tool.execute("ROLLBACK")
    scene.until_reading(200)


def harmed(harm: Callable[[Path, Scene], None], says: str) -> Callable[[Scene], None]:
    """Return what kills the daemon, harms its file, and sees it refuse to start; then the file is as it was."""

    def disturb(scene: Scene) -> None:
        scene.until_reading(500)
        scene.running().kill()
        place = scene.directory / "disturbed"
        kept = scene.directory / "kept"
        shutil.copytree(place, kept)
        harm(file_in(place), scene)
        refusing = DaemonProcess(scene.config)
        try:
            code = refusing.process.wait(120)
        except subprocess.TimeoutExpired:
            code = 0
        finally:
            refusing.__exit__()
        assert code, f"it started: {scene.log()[-2000:]}"
        assert says in scene.log().splitlines()[-1], scene.log()[-2000:]
        scene.notes["exit code"] = code
        shutil.rmtree(place)
        kept.rename(place)
        scene.start()

    return disturb


def header(file: Path, _scene: Scene) -> None:
    """Overwrite the beginning of the file; while there is a log with that page, SQLite would take it from there."""
    _settled(file)
    with file.open("r+b") as opened:
        opened.write(os.urandom(100))


def cut(file: Path, _scene: Scene) -> None:
    """Cut the file off in its middle, without its log."""
    _settled(file)
    os.truncate(file, file.stat().st_size // 2 // _PAGE_BYTES * _PAGE_BYTES)


def another_version(file: Path, _scene: Scene) -> None:
    """Let the file say that it is of a format that came later."""
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")


def _settled(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def spoil_log(scene: Scene) -> None:
    """Kill the daemon and spoil the end of the write-ahead log: what was committed last is gone, all of it."""
    scene.until_reading(500)
    scene.running().kill()
    log = Path(f"{file_in(scene.directory / 'disturbed')}-wal")
    with log.open("r+b") as opened:
        opened.seek(max(32, log.stat().st_size // 2))
        opened.write(os.urandom(2_000))
    scene.start()
    scene.until_reading(200)


_REFUSED = "the daemon refuses to start, says so and exits; with the file as it was, it goes on"
_CANNOT_MOUNT = "" if os.geteuid() == 0 else "only root may mount a small disk"

register(
    Fault(
        "disk-full",
        "the store's disk (a tmpfs of 24 MB) full for 8 s after a checkpoint failed",
        fill,
        repeats=2,
        prepare=small_disk,
        needs=_CANNOT_MOUNT,
    )
)
register(Fault("store-locked", "SQLite's write lock held for 14 s by another process", lock, repeats=2))
register(
    Fault("store-header", "100 random bytes over the file's header", harmed(header, "damaged"), exception=_REFUSED)
)
register(Fault("store-cut", "the file cut off in its middle", harmed(cut, "damaged"), exception=_REFUSED))
register(
    Fault(
        "store-version",
        "the file is of a later format",
        harmed(another_version, "format"),
        exception=_REFUSED,
    )
)
register(
    Fault(
        "store-log",
        "SIGKILL, and random bytes in the write-ahead log",
        spoil_log,
        repeats=3,
        rewinds=True,
        exception="the last commits are lost as a whole, offsets with statistics, and their records are read once more",
    )
)
