"""The wall clock steps: by libfaketime, which the daemon alone is loaded with; its monotonic clock goes on."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.suite.fault import Fault, register
from tests.faults.suite.scene import Scene

_LIBRARIES = tuple(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_STEPS_S = (3_600, -3_600, 7, -7, 86_400, -86_400)


def fake_clock(scene: Scene) -> None:
    """Let the daemon be told the time that a file says."""
    file = scene.directory / "clock"
    file.write_text("+0\n")
    scene.env |= {
        "LD_PRELOAD": str(_LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def step(scene: Scene) -> None:
    """Step forth and back, by an hour, by seconds and by a day."""
    for step_s in _STEPS_S:
        scene.until_reading(200)
        (scene.directory / "clock").write_text(f"{step_s:+d}\n")
        away = scene.until(lambda s=step_s: abs(_away_s(scene) - s) < 3, "the clock stepped")
        scene.notes["steps seen"] = scene.notes.get("steps seen", 0) + (away >= 0)
    (scene.directory / "clock").write_text("+0\n")
    scene.until_reading(200)


def _away_s(scene: Scene) -> float:
    """Return how far the daemon's clock is from ours."""
    return scene.metric("driftline_snapshot_timestamp_seconds") - time.time()


register(
    Fault(
        "clock-steps",
        "the wall clock steps by ±1 h, ±7 s, ±1 d (libfaketime; under it Python's `time.sleep`, which kafka-python's "
        "side calls, fails with EINVAL, so with one client only)",
        step,
        prepare=fake_clock,
        needs="" if _LIBRARIES else "libfaketime is not installed",
    )
)
