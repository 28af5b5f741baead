"""A baseline's file and the history beside it: loaded, or refused as damaged."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from monitor.baseline import Baseline
from monitor.baseline.files import BaselineFiles, Lineage
from monitor.errors import StoreError
from tests.fuzz.target import Target, Try
from tests.support.monitors import make_baseline, record


def build() -> Try:
    """Return what loads an input as a baseline's content, as its file, or as the history of versions."""
    directory = Path(tempfile.mkdtemp(prefix="driftline-fuzz-"))
    files = BaselineFiles(directory)

    def attempt(data: bytes) -> None:
        kind, rest = data[:1], data[1:]
        try:
            if kind == b"H":
                (directory / "history.jsonl").write_bytes(rest)
                files.history()
                files.before()
            elif kind == b"P":
                (directory / "current").write_bytes(rest)
                files.load()
            else:
                (directory / "current").write_text("x" * 64)
                (directory / f"{'x' * 64}.json").write_bytes(rest)
                files.versions()
                files.load()
                Baseline.of_content(json.loads(rest).get("content"))
        except StoreError as error:
            assert len(str(error)) < 100_000

    return attempt


def _seeds() -> list[bytes]:
    """Return a small baseline with segments, and a history."""
    baseline = make_baseline(
        [record(i, i / 2, "DE" if i % 3 else "FR") for i in range(30)], segments=[("country", 2, None)]
    )
    lineage = Lineage(1, "f", 30, 0, 29)
    whole = json.dumps({"lineage": vars(lineage), "content": baseline.content}, separators=(",", ":")).encode()
    line = b'{"at_ms":1,"from":null,"to":"abc","by":"build","reason":""}\n'
    return [
        b"F" + whole,
        b"H" + line + line.replace(b"build", b"rollback"),
        b"P../../../etc/passwd",
        b'F{"content":{"format":1}}',
    ]


TARGET = Target(build, _seeds(), max_bytes=16_384)
