"""What the budget costs: CPU time of a slot of 1,000 streams, and the state of one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from monitor.policy.budget import EDetector, season_rules
from monitor.policy.budget.rules import Rules

_STREAMS, _CALM, _SLOTS, _TURNS = 1000, 1100, 60, 5
_HOUR_MS = 3_600_000


def cost() -> Iterator[dict[str, Any]]:
    """Yield the rows: the least CPU time of a slot in several turns with a full calibration, and bytes of state."""
    cycle_ms, bin_ms, stride = season_rules("hour_of_week", _HOUR_MS, 1000)
    rules = Rules(1000, _HOUR_MS, cycle_ms=cycle_ms, bin_ms=bin_ms, stride=stride)
    detector = EDetector([str(n) for n in range(_STREAMS)], np.full(_STREAMS, 1 / _STREAMS), rules)
    scores = np.random.default_rng(1).standard_normal((_CALM + _TURNS * _SLOTS, _STREAMS))
    took = []
    for number in range(_CALM):
        detector.step(number * _HOUR_MS, scores[number])
    for turn in range(_TURNS):
        began = time.process_time()
        for number in range(_SLOTS):
            at = _CALM + turn * _SLOTS + number
            detector.step(at * _HOUR_MS, scores[at])
        took.append((time.process_time() - began) / _SLOTS * 1000)
    yield {"what": "slot of 1,000 streams", "value": round(min(took), 3), "unit": "ms CPU"}
    yield {"what": "state of a stream", "value": round(_bytes(detector.state()) / _STREAMS / 1024, 2), "unit": "KB"}


def _bytes(node: Any) -> int:
    if isinstance(node, Mapping):
        return sum(_bytes(value) for value in node.values())
    return int(node.nbytes) if isinstance(node, np.ndarray) else 8
