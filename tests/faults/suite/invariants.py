"""What must hold after any fault: nothing lost, nothing counted twice, nobody left unpaged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.faults.suite.scene import Scene
from tests.support.daemon import DaemonProcess, stored_heads
from tests.support.disturbed import assert_same_counts, assert_same_statistics, write_config

RSS_MB = 700.0
"""More may never be resident, in any fault; an undisturbed daemon of this size has about 250."""

Transition = tuple[str, str, str, int]
"""Fingerprint, severity, status and start: what a receiver removes doubles by."""


def check_counts(directory: Path) -> dict[str, int]:
    """Return the sums over all partitions; fails where a record is neither row nor reject nor filtered."""
    sums: Counter[str] = Counter()
    for partition, head in stored_heads(directory).items():
        rejects = sum(head["rejects"].values())
        assert head["records"] == head["rows"] + rejects + head["filtered"], (partition, head)
        assert head["next_offset"] - head["from_offset"] == head["records"] + head["missed"], (partition, head)
        sums.update({name: head[name] for name in ("records", "rows", "filtered", "late_rows", "missed")})
        sums["rejects"] += rejects
    return dict(sums)


def check_offsets(scene: Scene) -> None:
    """Fail where a life of the daemon began behind what an earlier one had made durable."""
    stood: dict[int, int] = {}
    if scene.fault.rewinds:
        return
    for event in scene.events("partition_assigned"):
        partition, offset = int(event["partition"]), int(event["offset"])
        assert offset >= stood.get(partition, 0), f"{partition} went back from {stood[partition]} to {offset}"
        stood[partition] = offset


def transitions(log: str) -> set[Transition]:
    """Return the changes of alerts in a log."""
    found = set()
    for line in log.splitlines():
        if '"alert_changed"' in line and line.startswith("{"):
            event = json.loads(line)
            found.add((event["fingerprint"], event["labels"]["severity"], event["status"], event["starts_at_ms"]))
    return found


def delivered(scene: Scene) -> list[Transition]:
    """Return what the receiver took, in its order, doubles included."""
    bodies = [json.loads(request.body) for request in scene.receiver.requests if request.path == "/page"]
    return [
        (alert["fingerprint"], alert["severity"], alert["status"], alert["starts_at_ms"])
        for body in bodies
        for alert in body["alerts"]
    ]


def firing(told: Iterable[Transition]) -> set[tuple[str, str, int]]:
    """Return what fires for somebody who was told these, in this order."""
    state: dict[tuple[str, str], int | None] = {}
    for fingerprint, severity, status, start_ms in told:
        state[fingerprint, severity] = start_ms if status == "firing" else None
    return {(*key, start_ms) for key, start_ms in state.items() if start_ms is not None}


def check_alerts(scene: Scene, expected: set[Transition]) -> dict[str, int]:
    """Compare what was delivered with what an undisturbed run says that happened.

    Nothing was invented: each delivery has the key of a real transition. The receiver's last knowledge of each alert is
    the truth. What was never delivered was superseded by a newer transition while it waited.
    """
    told = delivered(scene)
    assert set(told) <= expected, f"never happened: {sorted(set(told) - expected)[:5]}"
    truth = firing(sorted(expected, key=lambda one: (one[3], one[2] == "resolved")))
    assert firing(told) == truth, f"told {firing(told)}, true {truth}"
    return {
        "alerts": len(expected),
        "delivered": len(set(told)),
        "superseded": len(expected - set(told)),
        "repeated": len(told) - len(set(told)),
    }


def reference(scene: Scene) -> Path:
    """Return the store of an undisturbed run over the whole topic, which judges by the same configuration."""
    config = write_config(scene.directory, scene.broker, scene.topic, "reference", client=scene.client)
    sections = {**scene.fault.settings, **scene.shared}
    whole = yaml.safe_load(config.read_text())
    kept = {name: whole[name] for name in ("store", "http", "sinks", "source")}
    config.write_text(yaml.safe_dump({**whole, **sections, **kept}))
    DaemonProcess(config, "--until-end").wait(900)
    return scene.directory / "reference"


def check(scene: Scene) -> dict[str, Any]:
    """Check everything, against an undisturbed run over the same topic; return what was seen."""
    disturbed = scene.directory / "disturbed"
    sums = check_counts(disturbed)
    check_offsets(scene)
    undisturbed = reference(scene)
    assert check_counts(undisturbed) == sums
    assert sums["records"] == scene.load.written, f"{sums} read, {scene.load.written} written"
    assert_same_counts(disturbed, undisturbed)
    assert_same_statistics(disturbed, undisturbed)
    paged = check_alerts(scene, transitions((scene.directory / "reference.log").read_text()))
    check_memory(scene)
    return {**sums, **paged}


def check_as_counted(scene: Scene) -> dict[str, Any]:
    """Check everything but the windows, for faults after which some of them are rightly not as without."""
    sums = check_counts(scene.directory / "disturbed")
    check_offsets(scene)
    undisturbed = reference(scene)
    assert sums["records"] == scene.load.written, f"{sums} read, {scene.load.written} written"
    assert_same_counts(scene.directory / "disturbed", undisturbed)
    check_memory(scene)
    return sums


def check_gaps(scene: Scene) -> dict[str, Any]:
    """Check that every offset was read or missed, up to the very end; there is nothing to compare with."""
    sums = check_counts(scene.directory / "disturbed")
    check_offsets(scene)
    assert sums["records"] + sums["missed"] == scene.load.written, f"{sums}, {scene.load.written} written"
    check_memory(scene)
    return sums


def check_memory(scene: Scene) -> None:
    """Fail where more was resident than ever may be."""
    assert 0 < scene.rss_mb < RSS_MB, f"{scene.rss_mb:.0f} MB resident"
