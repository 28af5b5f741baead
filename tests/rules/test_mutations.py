"""The unit tests of the rules notice every change of a threshold, a label, a duration or a name, in every rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.rules.mutants import Bench, unit_tests, variants
from tests.rules.test_rules import ALERTS, TESTS, promtool

pytestmark = [pytest.mark.prometheus]

BENCHES = {"driftline": ("daemon", "data", "reading"), "driftline-slo": ("slo-delay", "slo-processed", "slo-windows")}
LIKE_OTHERS = "driftline-slo-delay"
"""The rules of one objective are written by the program that writes those of the other, and tested alike."""


def test_every_test_file_is_tried() -> None:
    assert {f"{name}.test.yaml" for names in BENCHES.values() for name in names} == {path.name for path in TESTS}


@pytest.mark.parametrize("name", BENCHES)
def test_a_change_in_any_rule_is_noticed(name: str, tmp_path: Path) -> None:
    """Each rule passes its tests as it is, and fails one of them with any one thing changed."""
    document = yaml.safe_load((ALERTS / f"rules/{name}.rules.yaml").read_text())
    document["groups"] = [group for group in document["groups"] if not group["name"].startswith(LIKE_OTHERS)]
    tests = [test for file in BENCHES[name] for test in unit_tests(ALERTS / f"tests/{file}.test.yaml")]
    bench = Bench.of(document, tests)
    files, changes = [], {}
    for place, rule in bench.rules.items():
        made = {f"V{len(changes) + i}V": variant for i, variant in enumerate(variants(rule))}
        changes |= {end: f"{rule.get('alert') or rule['record']} {place}: {what}" for end, (what, _) in made.items()}
        files += bench.write(place, {end: variant for end, (_, variant) in made.items()}, tmp_path / str(place))
    assert len(changes) > 100
    noticed = set(re.findall(r"V\d+V", failures(files)))
    as_it_is = {end for end, change in changes.items() if change.endswith(": nothing")}
    assert {changes[end] for end in changes.keys() - noticed} == {changes[end] for end in as_it_is}


def failures(files: list[Path]) -> str:
    """Return what promtool says of the cases that failed, without what it got, which would name other variants."""
    said = promtool("test", "rules", *files)
    return "\n".join(line for line in said.stderr.splitlines() if re.match(r" +(alertname|expr): ", line))
