"""`driftline baseline`: versions built, listed, shown, compared, promoted and rolled back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import answer, invoke

CONFIGURATION = """\
name: shop
source: {kind: files, paths: [unused.jsonl]}
time: {field: at, unit: ms}
window: {size: 1h}
baseline: BASELINE
fields: {amount: {type: number}, country: {type: category}, note: {type: text}}
drift: [{kind: psi}]
"""
HOUR_MS, START_MS = 3_600_000, 1_735_516_800_000


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


class Shop:
    """A configuration, and versions of its baseline."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "shop.yaml"
        self.configure("{kind: file, path: DIRECTORY/baselines}")

    def configure(self, baseline: str, fields: str = "") -> None:
        """Write the configuration."""
        text = CONFIGURATION.replace("BASELINE", baseline).replace("DIRECTORY", str(self.directory))
        self.config.write_text(text.replace("country: {type: category}", fields or "country: {type: category}"))

    def build(self, factor: float = 1.0, country: str = "FR", hours: int = 24) -> str:
        """Build a version; return it."""
        records = self.directory / "records.jsonl"
        rows = (
            {
                "at": START_MS + HOUR_MS * i // 40,
                "amount": factor * (i % 97),
                "country": "DE" if i % 3 else country,
                "note": "x",
            }
            for i in range(40 * hours)
        )
        records.write_text("\n".join(map(json.dumps, rows)))
        return str(self.json("build", "--input", str(records))["version"])

    def json(self, command: str, *arguments: str) -> Any:
        """Run a subcommand; return what it prints for programs."""
        return json.loads(answer("baseline", command, "-c", self.config, *arguments, "--output", "json"))

    def text(self, command: str, *arguments: str) -> str:
        """Run a subcommand; return what it prints for people."""
        return answer("baseline", command, "-c", self.config, *arguments)


def test_versions_are_promoted_rolled_back_and_listed_with_when_and_why(shop):
    one, other = shop.build(), shop.build(2.0)
    assert shop.json("promote", one[:12], "--reason", "the release was bad")["previous"] == other
    listed = {entry["version"]: entry for entry in shop.json("list")}
    assert (listed[one]["current"], listed[other]["current"]) == (True, False)
    assert listed[one]["promoted"]["reason"] == "the release was bad"
    assert listed[other]["promoted"]["by"] == "build"
    assert "by promote: the release was bad" in shop.text("list")
    said = shop.text("rollback")
    assert f"baseline {other[:12]} is now the current one, before it was {one[:12]}" in said
    assert "at its next start" in said
    assert shop.json("rollback")["version"] == one
    refused = invoke("baseline", "rollback", "-c", shop.config)
    assert refused.exit_code != 0
    assert "no version was current before" in refused.output


def test_promoting_the_current_one_changes_nothing(shop):
    one = shop.build()
    assert shop.json("promote", one) == {"version": one, "changed": False}
    assert "already" in shop.text("promote", one[:10])


def test_a_version_that_does_not_fit_is_not_promoted(shop):
    one = shop.build()
    shop.configure("{kind: file, path: DIRECTORY/baselines}", "country: {type: text}")
    other = shop.build()
    refused = invoke("baseline", "promote", one[:12], "-c", shop.config)
    assert refused.exit_code == 78
    assert "the baseline has it as category" in refused.output
    shop.json("list")
    assert {e["version"]: e["current"] for e in shop.json("list")} == {one: False, other: True}
    assert invoke("baseline", "rollback", "-c", shop.config).exit_code == 78


def test_the_difference_of_two_versions_is_shown_field_by_field(shop):
    one = shop.build()
    other = shop.build(2.0, "US")
    found = {each["field"]: each for each in shop.json("diff", one[:12], other[:12])["fields"]}
    assert found["amount"]["psi"] > 0.25
    assert found["amount"]["exact"] is False
    assert found["amount"]["after"]["max"] == 192.0
    assert (found["country"]["added"], found["country"]["removed"]) == (["US"], ["FR"])
    assert found["note"]["psi"] is None
    table = shop.text("diff", one[:12])
    assert "0 … 96 → 0 … 192" in table
    assert "+US -FR" in table
    assert "interpolated" in table
    assert "they are the same" in shop.text("diff", other[:12])


def test_show_has_the_cells_of_each_field(shop):
    shop.build()
    fields = shop.json("show")["fields"]
    assert fields["country"]["cells"] == {
        "DE": pytest.approx(2 / 3), "FR": pytest.approx(1 / 3), "(unseen)": 0.0, "(other)": 0.0,
    }  # fmt: skip
    assert len(fields["amount"]["cells"]) == 10
    assert "66.67%  DE" in shop.text("show")


def test_a_seasonal_baseline_is_built_by_hour_and_says_which_hours_it_lacks(shop):
    shop.configure("{kind: seasonal, path: DIRECTORY/baselines, time_zone: Asia/Kolkata}")
    shop.build(hours=20)
    said = shop.text("show")
    # 20 hours from 05:30 on in India touch all but four of the hours there, the first and the last by half
    assert "hour_of_day, Asia/Kolkata: 21 of 24 hours; no rows, so as all hours together: 02:00, 03:00, 04:00" in said


def test_a_version_without_hours_is_refused_by_a_seasonal_configuration(shop):
    one = shop.build()
    shop.configure("{kind: seasonal, path: DIRECTORY/baselines}")
    refused = invoke("baseline", "promote", one[:12], "-c", shop.config)
    assert refused.exit_code == 78
    assert "the baseline was counted not by hour" in refused.output


@pytest.mark.parametrize(
    ("baseline", "says"),
    [
        ("{kind: trailing, path: DIRECTORY/b}", "`run` learns the cuts from the files' first 10000 rows"),
        ("{kind: seasonal, path: DIRECTORY/b}", "build one with `driftline baseline build`"),
    ],
)
def test_check_says_what_will_become_of_a_baseline_without_a_version(shop, baseline, says):
    shop.configure(baseline)
    assert says in answer("check", "-c", shop.config)
