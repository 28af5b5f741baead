"""The example of docs/how-to/annotations.md, as it stands there: it pages for the second hour and names why."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import answer

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "annotations.md"


def blocks(kind: str) -> list[str]:
    """Return the page's blocks of code of one kind."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The lines of the page's replay."""
    directory = tmp_path_factory.mktemp("annotations")
    making = blocks("sh")[0].split("driftline replay")[0]
    subprocess.run(["sh", "-c", making], cwd=directory, check=True)
    text = blocks("yaml")[0].replace("ratings.jsonl", str(directory / "ratings.jsonl"))
    config = directory / "annotations.yaml"
    config.write_text(text.replace("path: state", f"path: {directory / 'state'}"))
    output = directory / "verdicts.jsonl"
    answer("replay", "-c", config, "--input", directory / "ratings.jsonl", "--output", output)
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_the_second_hour_fails_and_the_others_do_not(lines):
    outcomes = [line for line in lines if line.get("check") == "agreement"]
    assert [line["level"] for line in outcomes] == ["ok", "warning", "ok"]
    assert [line["status"] for line in lines if line["kind"] == "alert"] == ["firing"]


def test_the_line_is_the_one_on_the_page(lines):
    (shown,) = (json.loads(re.sub(r"\n +", " ", block)) for block in blocks("json")[1:])
    (line,) = (line for line in lines if line.get("level") == "warning" and line["kind"] == "check")
    assert line["reason"] == shown["reason"]
    assert line["value"] == pytest.approx(shown["value"], abs=5e-4)
    for name in shown["details"].keys() - {"…"}:
        assert line["details"][name] == pytest.approx(shown["details"][name], abs=5e-4)
    for part in shown["evidence"].split("; "):
        assert part.removesuffix("…") in line["evidence"]
