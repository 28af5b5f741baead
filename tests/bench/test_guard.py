"""The engine's speed beside `orjson.loads`, in bounds so wide that a busy machine does not cross them."""

from __future__ import annotations

import pytest

from monitor.native import LIBRARY
from tests.bench.engine import Bench, loads_all
from tests.bench.timing import interleaved_cpu_s


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
