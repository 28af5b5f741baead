"""Renders a snapshot to what Prometheus reads, once per snapshot, format and encoding."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from monitor.export.collector import DEFAULT_MAX_SERIES, KnownLabels, SnapshotCollector
from monitor.export.text import Format, SeriesText, render
from monitor.snapshot import Snapshot

CONTENT_TYPES: Final[dict[Format, str]] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
_EOF: Final = b"# EOF\n"
_OPENMETRICS_VERSIONS: Final = ("", "0.0.1", "1.0.0")
# Level 4 is where text of this kind stops shrinking much; gzip framing is zlib's 15 window bits + 16.
_GZIP_LEVEL: Final = 4
_GZIP_BITS: Final = 31


@dataclass(frozen=True)
class Page:
    """A finished answer to a scrape."""

    body: bytes
    content_type: str
    gzipped: bool


class Rendered:
    """One snapshot as bytes; each format and its compressed form are made on first demand and kept."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        max_series: int,
        dropped_before: dict[str, int],
        known: KnownLabels,
        series: SeriesText,
    ) -> None:
        """Keep the snapshot; nothing is rendered yet. `known` and `series` stay from one to the next."""
        self.snapshot = snapshot
        self._series = series
        self._collector = SnapshotCollector(snapshot, max_series=max_series, dropped_before=dropped_before, known=known)
        self._dropped_before = dropped_before
        self._bodies: dict[Format, bytes] = {}
        self._compressed: dict[Format, tuple[bytes, zlib._Compress]] = {}

    def body(self, form: Format) -> bytes:
        """Return the exposition without OpenMetrics' end mark."""
        if form not in self._bodies:
            self._bodies[form] = self._series.render(self._collector.families(), form)
        return self._bodies[form]

    def gzipped(self, form: Format, tail: bytes) -> bytes:
        """Return the exposition and `tail` as one gzip member, compressing only the tail anew."""
        if form not in self._compressed:
            compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_BITS)
            head = compressor.compress(self.body(form)) + compressor.flush(zlib.Z_SYNC_FLUSH)
            self._compressed[form] = (head, compressor)
        head, compressor = self._compressed[form]
        fork = compressor.copy()
        return head + fork.compress(tail) + fork.flush(zlib.Z_FINISH)

    def dropped_after(self) -> dict[str, int]:
        """Return the series lost up to and with this snapshot, by reason; only what was rendered counts."""
        lost, before = self._collector.dropped, self._dropped_before
        return {reason: before.get(reason, 0) + lost.get(reason, 0) for reason in lost | before}


class Exposition:
    """Answers scrapes with the latest snapshot; for the one HTTP thread only, so it needs no lock.

    The process's own metrics (process_*, python_*) are read at every scrape and never cached.
    """

    def __init__(self, *, max_series: int = DEFAULT_MAX_SERIES) -> None:
        """Begin without a snapshot; at most `max_series` series of a snapshot are exported."""
        self._max_series = max_series
        self._rendered: Rendered | None = None
        self._known, self._series = KnownLabels(), SeriesText()
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def limit(self, max_series: int) -> None:
        """Export at most so many series of every snapshot from the next one on."""
        self._max_series = max_series

    def page(self, snapshot: Snapshot, *, accept: str = "", accept_encoding: str = "") -> Page:
        """Return the answer for `snapshot` in the format and encoding that the request headers prefer."""
        rendered = self._latest(snapshot)
        form = negotiate(accept)
        tail = render(self._process.collect(), form) + (_EOF if form == "openmetrics" else b"")
        gzipped = accepts_gzip(accept_encoding)
        body = rendered.gzipped(form, tail) if gzipped else rendered.body(form) + tail
        return Page(body, CONTENT_TYPES[form], gzipped)

    def _latest(self, snapshot: Snapshot) -> Rendered:
        """Return the rendering of this very snapshot object, the kept one where it is the same."""
        last = self._rendered
        if last is None or last.snapshot is not snapshot:
            dropped = last.dropped_after() if last is not None else {}
            last = self._rendered = Rendered(
                snapshot,
                max_series=self._max_series,
                dropped_before=dropped,
                known=self._known,
                series=self._series,
            )
        return last


def negotiate(accept: str) -> Format:
    """Return the format an Accept header prefers; plain text when in doubt, OpenMetrics wins a tie with `*`."""
    best: dict[Format, float] = {"text": 0.0, "openmetrics": 0.0}
    for entry in accept.split(","):
        kind, parameters, quality = _parse(entry)
        if kind == "application/openmetrics-text" and parameters.get("version", "") in _OPENMETRICS_VERSIONS:
            best["openmetrics"] = max(best["openmetrics"], quality)
        elif kind == "text/plain":
            best["text"] = max(best["text"], quality)
    return "openmetrics" if best["openmetrics"] > best["text"] else "text"


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header admits gzip."""
    return any(kind == "gzip" and quality > 0 for kind, _, quality in map(_parse, accept_encoding.split(",")))


def _parse(entry: str) -> tuple[str, dict[str, str], float]:
    """Return the value, parameters and quality of one entry of an Accept header; a bad quality is 0."""
    kind, *rest = (part.strip() for part in entry.split(";"))
    parameters = {key.strip().lower(): value.strip() for key, _, value in (part.partition("=") for part in rest)}
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return kind.lower(), parameters, quality
