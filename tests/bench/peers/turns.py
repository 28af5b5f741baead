"""A peer's side of the benchmark: does the same work once for every line it reads, and says what it cost.

Runs in the peer's own environment, which has orjson beside the peer.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import orjson

NUMBERS = ("amount", "fee", "lat", "lon", "merchant.risk")
CATEGORIES = ("country", "method", "merchant.mcc", "refund")
_TOLD = os.dup(1)
os.dup2(2, 1)  # what a library prints is no answer


def columns(lines):
    """Return a list of values for each field, as a program that reads JSON has to make them for a table."""
    rows = [orjson.loads(line) for line in lines]
    found = {name: [row[name] for row in rows] for name in ("id", "amount", "fee", "lat", "lon", "country", "method")}
    for name in ("mcc", "risk"):
        found[f"merchant.{name}"] = [row["merchant"][name] for row in rows]
    found["refund"] = [row["refund"] for row in rows]
    found["note"] = [row["note"] for row in rows]
    return found


def frame(lines):
    """Return the table of all fields; booleans as text, as categories are."""
    import pandas as pd  # noqa: PLC0415 - alibi-detect and river do without

    found = columns(lines)
    found["refund"] = [str(value) for value in found["refund"]]
    return pd.DataFrame(found)


def serve(peer, prepare, decode, work):
    """Answer turns: `prepare(baseline lines)` once, then for each window `work(prepared, decode(lines))`."""
    baseline, current, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    lines = current.read_bytes().splitlines()
    windows = [lines[start : start + size] for start in range(0, len(lines), size)]
    prepared = prepare(baseline.read_bytes().splitlines())
    _tell({"version": version(peer), "records": len(lines), "windows": len(windows)})
    for _ in sys.stdin:
        decoding = working = 0.0
        for window in windows:
            gc.collect()
            began = time.process_time()
            decoded = decode(window)
            between = time.process_time()
            work(prepared, decoded)
            decoding += between - began
            working += time.process_time() - between
        _tell({"decoding_s": decoding, "cpu_s": decoding + working})


def _tell(answer):
    os.write(_TOLD, (json.dumps(answer) + "\n").encode())
