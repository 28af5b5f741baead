"""CPU time of one call, the best of several: on shared machines the minimum is what the code costs."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from monitor.app import tune_interpreter


def best_cpu_s(work: Callable[[], object], repetitions: int) -> float:
    """Return the least CPU time (s, all threads of this process) of `repetitions` calls."""
    best = float("inf")
    for _ in range(repetitions):
        gc.collect()
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def interleaved_cpu_s(works: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Return the least CPU time of each work, done in turn: what else the machine does hits all of them alike."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repetitions):
        for name, work in works.items():
            best[name] = min(best[name], best_cpu_s(work, 1))
    return best


@contextmanager
def tuned() -> Iterator[None]:
    """Let the interpreter be set as `driftline run` sets it: how threads take turns is a part of what is measured."""
    thresholds, switch_s = gc.get_threshold(), sys.getswitchinterval()
    tune_interpreter()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(switch_s)


class Stages:
    """CPU time by stage: what ran between one call and the next belongs to the stage named at its end."""

    def __init__(self) -> None:
        """Start the clock."""
        self.spent_s: dict[str, float] = {}
        self._mark_s = time.process_time()

    def __call__(self, stage: str) -> None:
        """End a stage."""
        now_s = time.process_time()
        self.spent_s[stage] = self.spent_s.get(stage, 0.0) + now_s - self._mark_s
        self._mark_s = now_s
