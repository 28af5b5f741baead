"""Whether memory stays where it is: an hour of event time through the daemon, with its store and publisher."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import structlog

from monitor.app import RunSettings, running, tune_interpreter
from monitor.snapshot import Snapshot
from tests.bench.apart import apart, rss_bytes
from tests.bench.figures import Bar, Plot, Section, Table
from tests.bench.scaled import Shape, Stream
from tests.bench.sizes import Sizes

_FETCH = 5_000
_FIRST = 5
"""Minutes of event time after which memory has to have come to rest."""
_MOST_MB = 600.0


def measure(directory: Path, sizes: Sizes) -> Section:
    """Return resident memory by the minute of event time."""
    fields, segments = sizes.memory_shape
    shape = Shape(fields=fields, segments=segments, rows=sizes.memory_rows)
    shape.with_baseline(directory)
    arguments = {"shape": asdict(shape), "directory": str(directory), "windows": sizes.memory_windows}
    rows = apart("tests.bench.memory", "hour", **arguments)
    first, last = (next(row["rss_mb"] for row in rows if row["minutes"] >= at) for at in (_FIRST, rows[-1]["minutes"]))
    n = f"{sizes.memory_windows} windows of 1 min and {sizes.memory_rows:,} rows, {fields} fields, {segments} segments"
    title = "Resident memory of the daemon over an hour of event time"
    table = Table("memory", title, n, {"minutes": "min", "rss_mb": "MB"}, rows, (Plot("minutes", "rss_mb"),))
    bars = [
        Bar(
            f"RSS after {sizes.memory_windows} windows, times that after {_FIRST}", 1.1, last / first, "×", least=False
        ),
        Bar("RSS, the most there was", _MOST_MB, max(row["rss_mb"] for row in rows), "MB", least=False),
    ]
    whole = sizes.memory_windows * sizes.memory_rows
    remark = (
        f"{whole:,} records in all; an hour at 50,000 records/s would be 180 million. What grows, if anything does, "
        "grows with panes, windows and checkpoints: of the first two there are as many as in that hour, with fewer "
        "rows in each, and there are fewer checkpoints by the clock. Detectors: psi and ks on every field."
    )
    return Section([table], bars, [remark])


def hour(*, shape: dict[str, int], directory: str, windows: int) -> list[dict[str, float]]:
    """Run the daemon over the windows; return resident memory after each of them."""
    tune_interpreter()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    own = Shape(**shape)
    config = own.config(Path(directory))
    rows: list[dict[str, Any]] = []

    def note(snapshot: Snapshot) -> None:
        if snapshot.windows_total > len(rows):
            rows.append({"minutes": snapshot.windows_total, "rss_mb": rss_bytes() / 1e6})

    # One client for all: each has a TLS context of its own, of megabytes, that only the collector of cycles frees.
    source = Stream(own, windows, _FETCH)
    with httpx.Client(timeout=60) as client, running(config, RunSettings(until_end=True), source=source) as app:
        hand_on = app.daemon._publish

        def publish(snapshot: Snapshot) -> None:
            hand_on(snapshot)
            if snapshot.windows_total > len(rows):
                client.get(f"{app.http.url}/metrics")
            note(snapshot)

        app.daemon._publish = publish
        app.daemon.run()
    return rows
