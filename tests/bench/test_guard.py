"""Speed as ratios of CPU time, in bounds so wide that a busy machine does not cross them."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.compile import build_decoder, compile_plan, load_baseline
from monitor.detectors.psi import PsiSpec
from monitor.detectors.stacked import stacks
from monitor.engine import Engine
from monitor.export.collector import SnapshotCollector
from monitor.export.text import SeriesText, render
from monitor.native import LIBRARY
from monitor.partition import PartitionState
from tests.bench.engine import Bench, loads_all
from tests.bench.scaled import PARTITION, Shape, block, fetch_of, times_of
from tests.bench.timing import interleaved_cpu_s
from tests.support.cells import FixedCells
from tests.support.snapshots import huge


@pytest.mark.skipif(LIBRARY is None, reason="monitor/native was not compiled here")
def test_the_engine_has_not_become_twice_as_slow(tmp_path):
    bench = Bench(tmp_path, 20_000)
    works = {
        "orjson": lambda: loads_all(bench.values),
        "large": lambda: bench.run(20_000),
        "small": lambda: bench.run(1_000),
    }
    spent = interleaved_cpu_s(works, 5)
    # Measured in docs/decisions/0022-speed.md, half of it here; before the scanner in C it was 0.4 and 0.1.
    assert spent["orjson"] / spent["large"] > 0.3
    assert spent["orjson"] / spent["small"] > 0.17


def _work(directory, shape):
    """Return the engine's work on 10,000 records of a monitor of this shape, one window."""
    config = shape.with_baseline(directory)
    plan, decoder = compile_plan(config, load_baseline(config)), build_decoder(config, files=False)
    values = block(shape, shape.rows)

    def work():
        engine = Engine(plan, decoder)
        engine.assign(PartitionState(PARTITION, 0, 0))
        engine.step([fetch_of(values, 0, times_of(shape, 0, len(values)))], 0)
        assert engine.finish().windows

    return work


def test_cost_grows_with_fields_and_hardly_with_segments(tmp_path):
    works = {
        "few": _work(tmp_path, Shape(fields=5)),
        "many": _work(tmp_path, Shape(fields=20)),
        "segments": _work(tmp_path, Shape(fields=5, segments=50)),
    }
    spent = interleaved_cpu_s(works, 4)
    # In docs/performance.md: not quite 4 times for 4 times as many fields, and about 2 times for 50 segments.
    assert spent["many"] / spent["few"] < 8
    assert spent["segments"] / spent["few"] < 8


def test_fields_that_are_configured_alike_are_compared_by_one_call():
    counts = np.random.default_rng(1).multinomial(4_000, [0.1] * 10, (40, 2, 21))
    detector, sides = PsiSpec().build(), [(FixedCells(before), FixedCells(now), 0.0) for before, now in counts]

    def together():
        (stack,) = stacks(detector, range(len(sides)), sides)
        detector.compare(stack.baseline, stack.current, stack.rho)

    works = {"alone": lambda: [detector.compare(*side) for side in sides], "together": together}
    spent = interleaved_cpu_s(works, 4)
    # Five times as fast where it was measured.
    assert spent["alone"] / spent["together"] > 2


def test_a_page_is_rendered_from_what_is_remembered_of_the_last():
    collector, series = SnapshotCollector(huge(40, 10)), SeriesText()
    works = {
        "client library": lambda: render(collector.collect(), "text"),
        "remembered": lambda: series.render(collector.families(), "text"),
    }
    spent = interleaved_cpu_s(works, 5)
    # Three to four times as fast where it was measured.
    assert spent["client library"] / spent["remembered"] > 1.5
