"""How CPU time per record and memory grow with fields, segments, detectors, panes and the length of the stream."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.compile import build_decoder, compile_plan, load_baseline
from monitor.engine import Engine
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder
from tests.bench.apart import apart, rss_bytes
from tests.bench.figures import Bar, Plot, Section, Table
from tests.bench.scaled import PARTITION, Shape, block, fetch_of, times_of
from tests.bench.sizes import Sizes

_FETCH = 5_000
_DETECTORS = (1, 2, 4, 8)
_PANES = (1, 2, 6, 12, 60)
_SEGMENTED_FIELDS = 10
_STREAMS = 3
"""So many hours are replayed; the median of all is reported."""
_UNITS = {"us_per_record": "µs CPU", "rss_mb": "MB resident"}


def measure(directory: Path, sizes: Sizes) -> Section:
    """Return a table for each dimension, with what the growth follows."""
    wide, sliced = sizes.fields[-1], sizes.segments[-1]
    shapes = {
        "fields": [(n, Shape(fields=n)) for n in sizes.fields],
        "segments": [(n, Shape(fields=_SEGMENTED_FIELDS, segments=n)) for n in sizes.segments],
        "detectors": [(n, Shape(detectors=n)) for n in _DETECTORS],
        "panes": [(n, Shape(panes=n)) for n in _PANES],
    }
    found = {name: _points(directory, each, sizes) for name, each in shapes.items()}
    stream = _stream(directory, sizes)
    n = f"{sizes.growth_records:,} records in windows of 10,000 rows, CPU the least of {sizes.turns} turns"
    tables = [
        Table(name, _TITLES[name], n, {name: "", **_UNITS}, _rows(name, found[name]), (Plot(name, "us_per_record"),))
        for name in shapes
    ]
    tables.append(stream)
    slope, rest, fit = _line(found["fields"])
    # Against an engine that is always young, so that what else the machine does falls out.
    ratios = [row["ratio"] for row in stream.rows]
    flat = float(np.median(ratios[-4:]) / np.median(ratios[:4]))
    more = found["segments"][-1][1]["us_per_record"] / found["segments"][0][1]["us_per_record"]
    bars = [
        Bar(f"CPU is linear in 1 … {wide} fields: R² of the line", 0.98, fit, ""),
        Bar("CPU per record in the last third of the stream, times the first", 1.1, flat, "×", least=False),
        Bar(f"CPU with {sliced} segments, times 1 segment", sliced / 4, more, "×", least=False),
    ]
    remarks = [
        f"Fields: {rest:.2f} µs per record and {slope:.3f} µs more for each field (least squares, R² = {fit:.4f})."
    ]
    return Section(tables, bars, remarks)


_TITLES = {
    "fields": "Fields: no segments, 2 detectors, 1 pane",
    "segments": f"Segments: {_SEGMENTED_FIELDS} fields, 2 detectors, 1 pane",
    "detectors": "Detectors: 10 fields, no segments, 1 pane",
    "panes": "Panes of a window of 1 min: a window closes with each of them; 10 fields, 2 detectors",
}


def _rows(name: str, points: Sequence[tuple[int, dict[str, float]]]) -> list[dict[str, Any]]:
    return [{name: n, **{key: point[key] for key in _UNITS}} for n, point in points]


def _points(directory: Path, shapes: Sequence[tuple[int, Shape]], sizes: Sizes) -> list[tuple[int, dict[str, float]]]:
    points = []
    for n, shape in shapes:
        shape.with_baseline(directory)
        arguments = {"shape": asdict(shape), "directory": str(directory)}
        arguments |= {"records": sizes.growth_records, "turns": sizes.turns}
        points.append((n, apart("tests.bench.growth", "point", **arguments)))
    return points


def point(*, shape: dict[str, int], directory: str, records: int, turns: int) -> dict[str, float]:
    """Return CPU µs per record of one shape, and the resident memory at the end of the last turn."""
    own = Shape(**shape)
    config = own.config(Path(directory))
    plan, decoder = compile_plan(config, load_baseline(config)), build_decoder(config, files=False)
    pieces = _pieces(own, min(records, own.rows))
    best = float("inf")
    for turn in range(turns + 1):
        engine = Engine(plan, decoder)
        engine.assign(PartitionState(PARTITION, 0, 0))
        gc.collect()
        began = time.process_time()
        _feed(engine, own, pieces, 0, records)
        engine.finish()
        if turn:  # the first one imports and fills caches
            best = min(best, time.process_time() - began)
    return {"us_per_record": best / records * 1e6, "rss_mb": rss_bytes() / 1e6}


def _pieces(shape: Shape, rows: int) -> list[pa.Array]:
    """Return so many records, all different, in fetches: rows that repeat would look like drift."""
    values = block(shape, rows)
    return [values[start : start + _FETCH] for start in range(0, rows, _FETCH)]


def _feed(engine: Engine, shape: Shape, pieces: Sequence[pa.Array], start: int, records: int) -> int:
    """Let the engine take so many records from offset `start` on, the pieces over and over; return the next offset."""
    end, number = start + records, 0
    while start < end:
        values = pieces[number % len(pieces)]
        engine.step([fetch_of(values, start, times_of(shape, start, len(values)))], 0)
        start, number = start + len(values), number + 1
    return start


def _stream(directory: Path, sizes: Sizes) -> Table:
    """Return the cost of each twelfth of an hour of event time, replayed as fast as it goes."""
    shape = Shape(segments=10, rows=sizes.stream_rows)
    shape.with_baseline(directory)
    arguments = {"shape": asdict(shape), "directory": str(directory), "windows": sizes.stream_windows}
    rows = apart("tests.bench.growth", "stream", **arguments)
    each = f"{sizes.stream_windows} windows of {sizes.stream_rows:,} rows"
    n = f"{each}; the median of each twelfth's windows in {_STREAMS} hours"
    title = "Stream: one hour of event time in fast replay; 10 fields, 10 segments, 2 detectors"
    plots = (Plot("minutes", "us_per_record"), Plot("minutes", "rss_mb"))
    return Table("stream", title, n, {"minutes": "min", **_UNITS, "ratio": "× a young engine"}, rows, plots)


def stream(*, shape: dict[str, int], directory: str, windows: int) -> list[dict[str, float]]:
    """Return CPU µs per record and resident memory after each twelfth of the windows.

    And how many times the cost of an engine that begins anew with every twelfth, in turns with it window by window:
    half a minute of a neighbour's work makes all that runs meanwhile dearer by more than a long stream could.
    """
    own = Shape(**shape)
    config = own.config(Path(directory))
    plan, decoder = compile_plan(config, load_baseline(config)), build_decoder(config, files=False)
    pieces = _pieces(own, own.rows)
    span = windows // 12
    spent, ratios, rss = ([[] for _ in range(12)] for _ in range(3))  # type: tuple[list[list[float]], ...]
    for _ in range(_STREAMS):
        old = young = _begun(plan, decoder, 0)
        for window in range(windows):
            twelfth, fresh = window // span, not window % span
            young = _begun(plan, decoder, window * own.rows) if fresh else young
            took = {}
            # Who goes second finds warm caches, so they take turns in that too.
            for engine in (old, young) if window % 2 else (young, old):
                began = time.process_time()
                _feed(engine, own, pieces, window * own.rows, own.rows)
                took[engine] = (time.process_time() - began) / own.rows * 1e6
            spent[twelfth].append(took[old])
            if not fresh or span == 1:  # the young one has nothing to judge before its second window begins
                ratios[twelfth].append(took[old] / took[young])
            rss[twelfth].append(rss_bytes() / 1e6)
    middles = (map(np.median, each) for each in (spent, rss, ratios))
    names = ("minutes", "us_per_record", "rss_mb", "ratio")
    minutes = range(span, windows + 1, span)
    return [dict(zip(names, map(float, row), strict=True)) for row in zip(minutes, *middles, strict=False)]


def _begun(plan: MonitorPlan, decoder: Decoder, offset: int) -> Engine:
    """Return an engine that owns the partition from `offset` on, without any state."""
    engine = Engine(plan, decoder)
    engine.assign(PartitionState(PARTITION, offset, offset))
    return engine


def _line(points: Sequence[tuple[int, dict[str, float]]]) -> tuple[float, float, float]:
    """Return slope, intercept and R² of the least-squares line."""
    x = np.array([n for n, _ in points], float)
    y = np.array([point["us_per_record"] for _, point in points])
    slope, rest = np.polyfit(x, y, 1)
    left = y - (slope * x + rest)
    return float(slope), float(rest), float(1 - left @ left / ((y - y.mean()) @ (y - y.mean())))
