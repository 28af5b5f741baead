"""The dashboards that are installed are those of the project, each in a ConfigMap that the sidecar finds."""

from __future__ import annotations

import json
import shutil

from tests.support.helm import CHART, ROOT, refusal, rendered

SOURCES = {path.name: path.read_text() for path in (ROOT / "dashboards").glob("*.json")}


def maps() -> list[dict]:
    return [each for each in rendered("dashboards") if "grafana_dashboard" in each["metadata"]["labels"]]


def test_they_are_the_project_s_to_the_byte():
    assert {name: text for each in maps() for name, text in each["data"].items()} == SOURCES
    assert all(json.loads(text)["uid"].startswith("driftline-") for each in maps() for text in each["data"].values())


def test_the_sidecar_finds_them_and_their_folder():
    assert len(maps()) == len(SOURCES) > 3
    for each in maps():
        assert each["metadata"]["namespace"] == "grafana"
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"]["grafana_folder"] == "Data quality"
        assert sum(map(len, each["data"].values())) < 1 << 20


def test_one_that_is_too_large_for_a_config_map_is_refused(tmp_path):
    chart = shutil.copytree(CHART, tmp_path / "driftline")
    (chart / "files/dashboards/large.json").write_text(json.dumps("x" * 1_000_001))
    assert "large.json has 1000003 bytes, more than a ConfigMap holds" in refusal(
        {"dashboards": {"enabled": True}}, chart
    )
