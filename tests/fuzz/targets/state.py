"""What a checkpoint holds, damaged: heads of the monitor and of partitions, panes, blocks of memory."""

from __future__ import annotations

import json
from functools import partial

import structlog

from monitor.codec import decode, encode, from_json, to_json
from monitor.errors import StoreError
from monitor.saving import Saver, restore_partition
from tests.fuzz.target import Target, Try
from tests.support.monitors import PartitionState, fetch, make_baseline, make_engine, make_plan, tp, usual

_MONITOR, _PARTITION, _PANE, _BLOCK, _JSON = b"M", b"P", b"A", b"B", b"J"


def _plan():
    return make_plan(baseline=make_baseline(segments=[("country", 2, None)]), size_ms=500)


def build() -> Try:
    """Return what continues an engine from an input; it is continued or refused with StoreError."""
    structlog.configure(processors=[_dropped])
    plan = _plan()
    head = json.dumps(PartitionState(tp(), 0, 0).head(plan.grid.pane_ms, plan.clock)).encode()

    def attempt(data: bytes) -> None:
        kind, rest = data[:1], data[1:]
        engine = make_engine(plan)
        try:
            if kind == _MONITOR:
                Saver(engine).restore(rest)
                engine.step([fetch(usual(20))], 10**13)
            elif kind == _PARTITION:
                restore_partition(plan, tp(), rest, {})
            elif kind == _PANE:
                engine.assign(restore_partition(plan, tp(), head, {1_000_000: rest}))
                engine.finish()
            elif kind == _BLOCK:
                Saver(engine).restore(None, {("causes", "0"): rest, ("budget", "0"): rest})
            elif kind == _JSON:
                from_json(json.loads(rest))
            else:
                decode(rest)
        except StoreError as error:
            assert len(str(error)) < 100_000
        except (ValueError, RecursionError):
            if kind != _JSON:
                raise

    return attempt


def _dropped(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


def _seeds() -> list[bytes]:
    """Return the state of a small engine, part by part."""
    engine = make_engine(_plan())
    engine.step([fetch(usual(60))], 1_000_100)
    state = engine.partitions[tp()]
    pane = next(iter(state.panes.values())).state()
    part = partial(json.dumps, separators=(",", ":"))
    return [
        _MONITOR + part(engine.state()).encode(),
        _PARTITION + part(state.head(500, "")).encode(),
        _PANE + encode(pane),
        _BLOCK + encode({"x": [1, {"y": b"z"}]}),
        b"C" + encode({"a": [1, {"b": b"x"}]}),
        _JSON + part(to_json({"a": b"x", "b": [1.5]})).encode(),
        _JSON + b'{"$array":"<f8","shape":[2],"values":[1,2]}',
    ]


TARGET = Target(build, _seeds(), max_bytes=16_384)
