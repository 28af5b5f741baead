from __future__ import annotations

from monitor.config import estimate as module
from monitor.config.estimate import estimate
from monitor.describe import QUANTILES
from monitor.export.cell_metrics import CELLS
from monitor.export.metrics import METRICS
from tests.support.configurations import changed, configured


def test_memory_is_the_product_of_groups_panes_and_partitions():
    one, two = estimate(configured(), 1), estimate(configured(), 2)
    assert two.state_bytes == 2 * one.state_bytes > 0
    assert one.segments == 21
    sliding = estimate(configured(changed(("pane: 1m", "pane: 1s"))), 1)
    assert (one.open_panes, sliding.open_panes) == (3, 91)
    assert sliding.state_bytes * 3 == one.state_bytes * 91


def test_more_segments_cost_more_series_and_memory():
    few, many = (estimate(configured(changed(("max: 20", f"max: {n}"))), 8) for n in (10, 100))
    assert many.series > 5 * few.series
    assert many.state_bytes > 5 * few.state_bytes


def test_the_cap_on_categories_bounds_memory():
    small, large = (
        estimate(configured(changed(("max_categories: 1000", f"max_categories: {n}"))), 1) for n in (10, 10_000)
    )
    assert large.state_bytes - small.state_bytes == 9_990 * 8 * 22 * 3  # one unlisted category field


def test_series_are_counted_as_they_are_exported():
    without = estimate(configured(changed(("{kind: ks, warning: 0.1, critical: 0.2}", "{kind: kl}"))), 1).series
    base = estimate(configured(), 1).series
    # kl is applied to three fields, ks to one: alert, level, score, bound and floor in 22 groups, and two thresholds.
    assert without - base == 2 * (5 * 22 + 2)


def test_the_cells_of_distributions_are_counted():
    fullest = module._fullest(configured(), 1, 2)
    assert len(list(CELLS[0].read(fullest))) == 3 * 12 * 2  # amount, country and merchant.mcc; a text has no cells


def test_every_alert_that_may_fire_is_counted_as_a_series_of_its_own():
    [firing] = [metric for metric in METRICS if metric.name == "driftline_alert_firing"]
    found = [labels for labels, _ in firing.read(module._fullest(configured(), 1, 3))]
    assert len(set(found)) == len(found) > 3 * 8
    assert {segment for *_, segment, _ in found} == {"", "segment=0", "segment=1"}


def test_the_estimate_knows_the_quantiles_that_are_exported():
    assert module._QUANTILES == QUANTILES


def test_series_add_up_from_partitions_and_groups():
    config = configured()
    whole = module._counted(config, 5, 22)
    assert estimate(config, 5).series == whole


def test_the_largest_configuration_is_estimated_at_once():
    text = changed(("max: 20", "max: 10000"), ("max_categories: 1000", "max_categories: 100000, max_segments: 100000"))
    cost = estimate(configured(text), 100_000)
    assert cost.series > 100_000
    assert cost.state_bytes > 1 << 40


def test_what_checks_remember_is_counted_once_however_many_partitions_there_are():
    plain = estimate(configured(), 4)
    checks = "{kind: duplicates, key: [note]}\n  - {kind: monotonic, field: amount, by: [note], max_keys: 1000}"
    cost = estimate(configured(changed(("{kind: volume, min_per_window: 1}", checks))), 4)
    assert cost.memory_bytes > 48_000 + (8 << 20)
    assert cost.state_bytes - cost.memory_bytes == plain.state_bytes
    assert plain.memory_bytes == 0
