"""How long a window takes from closing to being exported, and whether scrapes hold the data thread up."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import structlog

from monitor.app import App, RunSettings, running, tune_interpreter
from monitor.export.exposition import Exposition
from tests.bench.apart import apart
from tests.bench.figures import Bar, Section, Table
from tests.bench.scaled import Shape, Stream
from tests.bench.sizes import Sizes

_FETCH = 1_000
_ROWS = 10_000
_PAUSE_S = 0.02
_UNITS = {"what": "", "p50_ms": "ms", "p99_ms": "ms", "max_ms": "ms"}
_CPU_UNITS = {**_UNITS, "cpu_ms": "ms CPU, median"}
_STAGES = ("judge", "checkpoint", "publish")


def measure(directory: Path, sizes: Sizes) -> Section:
    """Return how long each part of closing a window takes, and steps of the data thread with and without scrapes."""
    fields, segments = sizes.close_shape
    shape = Shape(fields=fields, segments=segments, rows=_ROWS)
    shape.with_baseline(directory)
    arguments: dict[str, Any] = {"shape": asdict(shape), "directory": str(directory)}
    closed = apart("tests.bench.latency", "close", **arguments, windows=sizes.close_windows)
    title = f"A window closes: {fields} fields, {segments} segments, 2 detectors"
    n = f"{sizes.close_windows} windows of {_ROWS:,} rows; the first, which imports, is left out"
    close_table = Table("close", title, n, _CPU_UNITS, closed["rows"])
    series_shape = Shape(fields=min(fields, 40), segments=segments, rows=_ROWS)
    series_shape.with_baseline(directory)
    arguments["shape"] = asdict(series_shape)
    scraped = apart("tests.bench.latency", "scrape", **arguments, scrapes=sizes.scrapes)
    title = f"A step of the data thread while {scraped['series']:,} series are scraped"
    steps = f"{scraped['quiet_steps']} without scrapes, {scraped['scraped_steps']} with {sizes.scrapes}"
    n = f"steps of {_FETCH:,} records: {steps}"
    scrape_table = Table("scrape", title, n, _UNITS, scraped["rows"])
    bars = [
        Bar("window close → verdicts committed and exported, worst", 500.0, closed["worst_ms"], "ms", least=False),
        Bar("a scrape delays a step by, p99", 20.0, scraped["delay_ms"], "ms", least=False),
    ]
    longest = [f"{row['max_ms']:.0f} ms" for row in scraped["rows"]]
    remarks = [
        "Exported: the snapshot is published and /metrics of it is rendered. A step: decode and fold.",
        (
            "Delay by scrapes: the 99th percentile of the steps with scrapes less the median of those without. "
            f"The longest step was {longest[0]} without and {longest[1]} with scrapes."
        ),
    ]
    return Section([close_table, scrape_table], bars, remarks)


class _Marks:
    """Notes when which stage of the data thread ended; in the place of the meters' own method, which it calls."""

    def __init__(self, app: App) -> None:
        self.ended: list[tuple[str, float, float]] = []
        """The stage, when it ended, and the CPU time of the data thread until then."""
        meters = app.daemon._meters
        stage = meters.stage

        def note(name: str) -> None:
            stage(name)
            self.ended.append((name, time.perf_counter(), time.thread_time()))

        meters.stage = note  # type: ignore[method-assign]
        app.daemon.engine._done = note


def close(*, shape: dict[str, int], directory: str, windows: int) -> dict[str, Any]:
    """Return the time from a window's last row to its export, in parts."""
    tune_interpreter()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    own = Shape(**shape)
    config = own.config(Path(directory))
    rendered: list[_Spent] = []
    exposition = Exposition(max_series=config.limits.max_series)
    with running(config, RunSettings(until_end=True), source=Stream(own, windows, _FETCH)) as app:
        marks = _Marks(app)
        total, hand_on = 0, app.daemon._publish

        def publish(snapshot: Any) -> None:
            nonlocal total
            hand_on(snapshot)
            if snapshot.windows_total > total:
                total = snapshot.windows_total
                began = _Spent.now()
                exposition.page(snapshot)
                rendered.append(_Spent.now() - began)

        app.daemon._publish = publish
        app.daemon.run()
    closings = _closings(marks.ended, rendered)[1:]
    for parts in closings:
        parts["all"] = sum(parts.values(), _Spent())
    rows = []
    for stage in (*_STAGES, "render", "all"):
        cpu_ms = float(np.median([parts[stage].cpu_s for parts in closings])) * 1e3
        rows.append({**_row(stage, [parts[stage].wall_s for parts in closings]), "cpu_ms": cpu_ms})
    return {"rows": rows, "worst_ms": rows[-1]["max_ms"]}


@dataclass(frozen=True)
class _Spent:
    """Seconds of elapsed time and of CPU time of this thread."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    @classmethod
    def now(cls) -> Self:
        """Return both clocks."""
        return cls(time.perf_counter(), time.thread_time())

    def __add__(self, other: _Spent) -> _Spent:
        return _Spent(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)

    def __sub__(self, other: _Spent) -> _Spent:
        return _Spent(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


def _closings(ended: list[tuple[str, float, float]], rendered: list[_Spent]) -> list[dict[str, _Spent]]:
    """Return what each stage took of every judged window; rendering, done while publishing here, is apart."""
    found: list[dict[str, _Spent]] = []
    parts: dict[str, _Spent] | None = None
    for before, after in pairwise(ended):
        name, took = after[0], _Spent(*after[1:]) - _Spent(*before[1:])
        if name == "judge":
            parts = dict.fromkeys((*_STAGES, "other"), _Spent())
        if parts is not None:
            parts[name] = parts.get(name, _Spent()) + took
            if name == "publish":
                render = rendered[len(found)]
                published = parts["publish"] + parts["other"] - render
                found.append({stage: parts[stage] for stage in _STAGES} | {"publish": published, "render": render})
                parts = None
    return found


def scrape(*, shape: dict[str, int], directory: str, scrapes: int) -> dict[str, Any]:
    """Return how long steps take with and without somebody who scrapes again and again."""
    tune_interpreter()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    own = Shape(**shape)
    config = own.config(Path(directory))
    with running(config, RunSettings(until_end=True), source=Stream(own, 10**6, _FETCH, pause_s=_PAUSE_S)) as app:
        marks = _Marks(app)
        thread = threading.Thread(target=app.daemon.run)
        thread.start()
        while app.view.latest.windows_total < 2:  # from then on there is something to scrape
            time.sleep(0.1)
        first = len(marks.ended)
        time.sleep(3 if scrapes > 10 else 0.5)
        between = len(marks.ended)
        spans: list[tuple[float, float]] = []
        series = 0
        with httpx.Client(headers={"Accept-Encoding": "gzip"}, timeout=60) as client:
            for _ in range(scrapes):
                before = app.view.latest
                while app.view.latest is before:  # each scrape renders a snapshot of its own
                    time.sleep(0.01)
                began = time.perf_counter()
                page = client.get(f"{app.http.url}/metrics")
                spans.append((began, time.perf_counter()))
                series = series or sum(not line.startswith("#") for line in page.text.splitlines())
        app.daemon.stop()
        thread.join()
    quiet = _steps(marks.ended[first:between], None)
    scraped = _steps(marks.ended[between:], spans)
    rows = [_row("no scrape", quiet), _row("during a scrape", scraped)]
    rows.append(_row("the scrape itself", [end - began for began, end in spans]))
    delay_ms = float(np.quantile(scraped, 0.99) - np.median(quiet)) * 1e3
    steps = {"quiet_steps": len(quiet), "scraped_steps": len(scraped)}
    return {"rows": rows, "series": series, "delay_ms": delay_ms, **steps}


def _steps(ended: list[tuple[str, float, float]], spans: list[tuple[float, float]] | None) -> list[float]:
    """Return the seconds of decoding and folding of each step; those that overlap one of `spans` where it is given."""
    found, began = [], 0.0
    for (before, before_s, _), (name, at_s, _) in pairwise(ended):
        if name == "decode" and before == "poll":
            began = before_s
        if name == "fold" and began and (spans is None or any(a < at_s and began < b for a, b in spans)):
            found.append(at_s - began)
    return found


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    p50, p99 = (np.quantile(seconds, (0.5, 0.99)) * 1e3).tolist()
    return {"what": what, "p50_ms": p50, "p99_ms": p99, "max_ms": max(seconds) * 1e3}
