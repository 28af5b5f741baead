"""Whether memory stays where it is: an hour of event time through the daemon, with its store and publisher."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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

    with running(config, RunSettings(until_end=True), source=Stream(own, windows, _FETCH)) as app:
        hand_on = app.daemon._publish

        def publish(snapshot: Snapshot) -> None:
            hand_on(snapshot)
            if snapshot.windows_total > len(rows):
                _scrape(app.http.url)
            note(snapshot)

        app.daemon._publish = publish
        app.daemon.run()
    return rows


def _scrape(url: str) -> None:
    """Read /metrics as Prometheus does, compressed.

    By the standard library: a response of httpx holds its body in a cycle of references, which here, in the daemon's
    own process, looked like 2 MB that the daemon loses with every scrape.
    """
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        connection.getresponse().read()
