"""docs/metrics.md says what the code exports."""

from __future__ import annotations

from pathlib import Path

from monitor.export.docs import render
from monitor.export.metrics import METRICS

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_is_generated_from_the_declarations():
    assert PAGE.read_text() == render(), "run: python -m monitor.export.docs > docs/metrics.md"


def test_every_metric_has_one_row():
    page = render()
    for metric in METRICS:
        assert page.count(f"| `{metric.name}` |") == 1
