"""Configurations that differ in one setting."""

from __future__ import annotations

import pytest

from monitor.backtesting import Sweep, UnfitSweep, parse_sweep, swept
from monitor.backtesting.sweeping import follower_plan
from monitor.compile import compile_plan
from monitor.config.loader import load

CONFIG = load("""\
name: m
source: {kind: files, paths: [x]}
baseline: {kind: file, path: nowhere}
fields:
  amount: {type: number, range: [0, 9], drift: [{kind: psi, warning: 0.2, critical: 0.3}]}
  "merchant.mcc": {type: category}
  note: {type: text}
drift: [{kind: psi}, {kind: js}]
checks: [{kind: volume, min_per_window: 1}, {kind: sql, name: sane, expression: "amount < 5"}]
sequential: [{kind: adwin, field: amount, statistic: mean}]
""")


def only(text: str):
    (found,) = swept(CONFIG, parse_sweep(text))
    return found


def warnings(config) -> dict[str, list[float]]:
    return {path: [spec.warning for spec in config.detectors_for(path)] for path in ("amount", "merchant.mcc")}


def test_a_sweep_is_a_place_and_values_as_yaml_has_them():
    assert parse_sweep("psi.warn=0.1, 2") == Sweep("psi", "warning", (0.1, 2))
    assert parse_sweep("merchant.mcc.js.crit=1") == Sweep("merchant.mcc.js", "critical", (1,))
    assert parse_sweep("sane.severity=critical").values == ("critical",)


@pytest.mark.parametrize("text", ["psi", "psi=1", "psi.warning", "psi.warning=", ".warning=1", "psi.=1"])
def test_what_is_no_sweep_is_refused(text):
    with pytest.raises(UnfitSweep, match=r"NAME\.SETTING"):
        parse_sweep(text)


def test_a_kind_is_swept_wherever_it_is_and_a_fields_own_for_it_alone():
    before = warnings(CONFIG)
    assert warnings(only("psi.warning=0.15")) == {"amount": [0.15], "merchant.mcc": [0.15, before["merchant.mcc"][1]]}
    assert warnings(only("merchant.mcc.js.warning=0.15")) == before | {
        "merchant.mcc": [before["merchant.mcc"][0], 0.15]
    }
    assert warnings(CONFIG) == before


def test_critical_goes_up_with_warning():
    (spec,) = only("amount.psi.warning=0.5").detectors_for("amount")
    assert (spec.warning, spec.critical) == (0.5, 0.5)


def test_contracts_checks_sequential_detectors_and_sections_are_swept_by_name():
    assert only("amount.max_failure_ratio=0.1").fields["amount"].max_failure_ratio == 0.1
    assert only("sane.max_failure_ratio=0.1").checks[1].max_failure_ratio == 0.1
    assert only("adwin_mean.delta=0.01").sequential[0].delta == 0.01
    assert only("alerting.raise_after=5").alerting.raise_after == 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("psy.warning=1", "nothing is called psy; there are .*psi"),
        ("amount.js.warning=1", "nothing is called amount.js"),
        ("psi.warnings=1", "has no warnings; it has .*warning"),
        ("psi.warning=x", "valid number"),
        ("sane.max_failure_ratio=7", "less than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused_with_why(text, why):
    with pytest.raises(UnfitSweep, match=why):
        only(text)


def test_a_rule_or_another_window_is_not_judged_on_the_same_panes():
    config = load("""\
name: m
source: {kind: files, paths: [x]}
fields: {amount: {type: number}, who: {type: category}, id: {type: text}}
checks:
  - {kind: sql, name: sane, expression: "amount < 5"}
  - {kind: agreement, item: id, annotator: who, label: amount, scale: interval, min_alpha: 0.6}
""")
    plan = compile_plan(config, None)
    for text in ("sane.expression=amount < 6", "agreement.min_alpha=0.5"):
        with pytest.raises(UnfitSweep):
            follower_plan(plan, swept(config, parse_sweep(text))[0])
    assert follower_plan(plan, swept(config, parse_sweep("sane.max_failure_ratio=0.1"))[0]) is not plan
