"""Field paths: whatever is allowed as a path can be decoded, and means what it says."""

from __future__ import annotations

import json

from monitor.config.paths import checked_path, confusable
from monitor.decoders import DecodePlan, EventTimePlan
from monitor.decoders.json import JsonDecoder
from tests.fuzz.target import Target, Try
from tests.support.decoding import NOW_MS, cells, fetch_of


def build() -> Try:
    """Return what takes an input's lines as paths and decodes a record that has them all."""

    def attempt(data: bytes) -> None:
        lines = data.decode("utf-8", "replace").split("\n")[:6]
        paths = []
        for line in lines:
            try:
                path = checked_path(line)
            except ValueError:
                continue
            if not path.startswith("$") and path not in paths and not confusable([*paths, path]):
                paths.append(path)
        tree: dict[str, object] = {}
        for number, path in enumerate(paths):
            node = tree
            *parents, leaf = path.split(".")
            for parent in parents:
                node = node.setdefault(parent, {})  # type: ignore[assignment]
            node[leaf] = number
        decoder = JsonDecoder(DecodePlan(dict.fromkeys(paths, "number"), EventTimePlan()))
        for written in (json.dumps(tree), json.dumps(tree, ensure_ascii=False)):
            decoded = decoder.decode(fetch_of([written.encode()], timestamps_ms=[NOW_MS]))
            assert len(decoded.batch) == 1, written
            for number, path in enumerate(paths):
                assert cells(decoded.batch.columns[path]) == [float(number)], path

    return attempt


SEEDS = (
    b"a\na.b\nmerchant.mcc",
    "$key\n$header.x\nünï.日本\n'\"\n\\.x\n/a~1\n$.x[0]".encode(),
    b"'); DROP TABLE texts; --\n{}\n[0]\n*\n#",
)
TARGET = Target(build, SEEDS, max_bytes=512)
