"""The continuous self-test: whether the monitor would still notice, and from how severe on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.export.declaration import Declared, Row
from monitor.snapshot import Snapshot

_SECTION: Final = "Self-test"


def _ratios(snapshot: Snapshot) -> Iterable[Row]:
    """Yield the share of tested fields in which the worst severity of a fault was noticed."""
    by_fault: dict[str, list[bool]] = {}
    for view in snapshot.self_test:
        by_fault.setdefault(view.fault, []).append(view.smallest is not None)
    for fault, noticed in sorted(by_fault.items()):
        yield (fault,), sum(noticed) / len(noticed)


SELF_TEST: Final = (
    Declared(
        _SECTION,
        "driftline_selftest_detected_ratio",
        "gauge",
        "Share of the fields watched for a fault in which a gross one would be noticed, by doped copies of windows.",
        ("fault",),
        _ratios,
    ),
    Declared(
        _SECTION,
        "driftline_selftest_smallest_severity",
        "gauge",
        "The least severity that would be noticed: a share of rows, of mean_shift standard deviations; absent: none.",
        ("fault", "field"),
        lambda s: (((v.fault, v.field), v.smallest) for v in s.self_test if v.smallest is not None),
    ),
)
