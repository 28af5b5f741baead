"""How long a window takes from closing to being exported, and whether scrapes hold the data thread up."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
_STAGES = ("judge", "checkpoint", "publish")


def measure(directory: Path, sizes: Sizes) -> Section:
    """Return how long each part of closing a window takes, and the steps of the data thread with and without scrapes."""
    fields, segments = sizes.close_shape
    shape = Shape(fields=fields, segments=segments, rows=_ROWS)
    shape.with_baseline(directory)
    arguments: dict[str, Any] = {"shape": asdict(shape), "directory": str(directory)}
    closed = apart("tests.bench.latency", "close", **arguments, windows=sizes.close_windows)
    title = f"A window closes: {fields} fields, {segments} segments, 2 detectors"
    n = f"{sizes.close_windows} windows of {_ROWS:,} rows; the first, which imports, is left out"
    close_table = Table("close", title, n, _UNITS, closed["rows"])
    series_shape = Shape(fields=min(fields, 40), segments=segments, rows=_ROWS)
    series_shape.with_baseline(directory)
    arguments["shape"] = asdict(series_shape)
    scraped = apart("tests.bench.latency", "scrape", **arguments, scrapes=sizes.scrapes)
    title = f"A step of the data thread while {scraped['series']:,} series are scraped"
    n = f"steps of {_FETCH:,} records: {scraped['quiet_steps']} without scrapes, {scraped['scraped_steps']} with {sizes.scrapes}"
    scrape_table = Table("scrape", title, n, _UNITS, scraped["rows"])
    bars = [
        Bar("window close → verdicts committed and exported, worst", 500.0, closed["worst_ms"], "ms", least=False),
        Bar("a scrape delays a step by, p99", 20.0, scraped["delay_ms"], "ms", least=False),
    ]
    remarks = [
        "Exported: the snapshot is published and /metrics of it is rendered. A step: decode, fold, and what follows.",
        f"Delay by scrapes: the 99th percentile of the steps with scrapes less the median of those without; the longest "
        f"step was {scraped['rows'][0]['max_ms']:.0f} ms without and {scraped['rows'][1]['max_ms']:.0f} ms with scrapes.",
    ]
    return Section([close_table, scrape_table], bars, remarks)


class _Marks:
    """Notes when which stage of the data thread ended; in the place of the meters' own method, which it calls."""

    def __init__(self, app: App) -> None:
        self.ended: list[tuple[str, float]] = []
        meters = app.daemon._meters  # noqa: SLF001 - the stages are what is measured
        stage = meters.stage

        def note(name: str) -> None:
            stage(name)
            self.ended.append((name, time.perf_counter()))

        meters.stage = note  # type: ignore[method-assign]
        app.daemon.engine._done = note  # noqa: SLF001


def close(*, shape: dict[str, int], directory: str, windows: int) -> dict[str, Any]:
    """Return the time from a window's last row to its export, in parts."""
    tune_interpreter()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    own = Shape(**shape)
    config = own.config(Path(directory))
    rendered: list[float] = []
    exposition = Exposition(max_series=config.limits.max_series)
    with running(config, RunSettings(until_end=True), source=Stream(own, windows, _FETCH)) as app:
        marks = _Marks(app)
        total, hand_on = 0, app.daemon._publish  # noqa: SLF001

        def publish(snapshot: Any) -> None:
            nonlocal total
            hand_on(snapshot)
            if snapshot.windows_total > total:
                total = snapshot.windows_total
                began = time.perf_counter()
                exposition.page(snapshot)
                rendered.append(time.perf_counter() - began)

        app.daemon._publish = publish  # noqa: SLF001
        app.daemon.run()
    closings = _closings(marks.ended, rendered)[1:]
    whole = [sum(parts.values()) for parts in closings]
    rows = [_row(stage, [parts[stage] for parts in closings]) for stage in (*_STAGES, "render")]
    return {"rows": [*rows, _row("all", whole)], "worst_ms": max(whole) * 1e3}


def _closings(ended: list[tuple[str, float]], rendered: list[float]) -> list[dict[str, float]]:
    """Return the seconds of each stage for every judged window; what is rendered is part of the stage publish here."""
    found: list[dict[str, float]] = []
    open_window: dict[str, float] | None = None
    for (_, before_s), (name, at_s) in zip(ended, ended[1:], strict=False):
        if name == "judge":
            open_window = dict.fromkeys((*_STAGES, "other"), 0.0)
        if open_window is not None:
            open_window[name] = open_window.get(name, 0.0) + at_s - before_s
            if name == "publish":
                render_s = rendered[len(found)]
                parts = {stage: open_window[stage] for stage in _STAGES} | {"render": render_s}
                parts["publish"] += open_window["other"] - render_s
                found.append(parts)
                open_window = None
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


def _steps(ended: list[tuple[str, float]], spans: list[tuple[float, float]] | None) -> list[float]:
    """Return the seconds of decoding and folding of each step; those that overlap one of `spans` where it is given."""
    found, began = [], 0.0
    for (before, before_s), (name, at_s) in zip(ended, ended[1:], strict=False):
        if name == "decode" and before == "poll":
            began = before_s
        if name == "fold" and began and (spans is None or any(a < at_s and began < b for a, b in spans)):
            found.append(at_s - began)
    return found


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    p50, p99 = (np.quantile(seconds, (0.5, 0.99)) * 1e3).tolist()
    return {"what": what, "p50_ms": p50, "p99_ms": p99, "max_ms": max(seconds) * 1e3}
