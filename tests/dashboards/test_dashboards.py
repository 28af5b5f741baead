"""The dashboards are those that the code writes, well-formed, and show every metric that is promised."""

from __future__ import annotations

import json
import re

import pytest

from dashboards.rendering import DASHBOARDS, render
from monitor.export.metrics import METRICS
from tests.support.dashboards import FILES, filled, load, metrics, panels, targets

BY_UID = {load(path)["uid"]: load(path) for path in FILES}
EXPORTED = {metric.name for metric in METRICS} | {
    f"{metric.name}_{end}" for metric in METRICS if metric.kind == "histogram" for end in ("bucket", "count", "sum")
}
OF_PROMETHEUS = {"ALERTS", "scrape_duration_seconds"}
OF_THE_CLIENT = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}
RECORDED = {f"monitor:driftline_{name}_bad:ratio_rate1h" for name in ("delay", "processed")}
BUILT_IN = {"__rate_interval", "__range", "__url_time_range", "__data", "__field", "__value", "__all"}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def dashboard(request):
    return load(request.param)


def names(dashboard) -> set[str]:
    return {variable["name"] for variable in dashboard["templating"]["list"]}


def test_there_are_four():
    assert [path.stem for path in FILES] == sorted(DASHBOARDS)
    assert len(FILES) == 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_file_is_what_the_code_writes(path):
    assert path.read_text() == render(path.stem), "run: make dashboards"


def test_its_name_and_size_are_fit_for_provisioning(dashboard):
    assert dashboard["uid"] in DASHBOARDS
    assert dashboard["title"].startswith("Driftline / ")
    assert dashboard["description"].endswith(".")
    assert dashboard["schemaVersion"] >= 39
    assert "id" not in dashboard
    assert "driftline" in dashboard["tags"]
    assert len(json.dumps(dashboard)) < 200_000  # a ConfigMap holds 1 MiB


def test_every_panel_has_a_unit_a_description_and_a_source(dashboard):
    for panel in panels(dashboard):
        assert panel["title"], panel
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for place in (panel, *panel["targets"]):
            assert place["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]


def test_ids_are_unique_and_titles_within_a_section_too(dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    shown: list[set[str]] = []
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            shown.append(set())
        else:
            assert panel["title"] not in shown[-1]
            shown[-1].add(panel["title"])
        assert not panel.get("collapsed", False)


def test_every_query_has_a_letter_of_its_own_and_a_legend(dashboard):
    for panel in panels(dashboard):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)), panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


def test_no_two_panels_are_in_the_same_place(dashboard):
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    width = {y: sum(1 for _, other in taken if other == y) for _, y in taken}
    assert set(width.values()) == {24}


def test_counters_are_shown_as_rates_over_grafanas_own_window(dashboard):
    for target in targets(dashboard):
        for window in re.findall(r"\[([^\]]+)\]", target.expression):
            assert window in ("$__rate_interval", "$__range"), target


def test_every_variable_that_is_used_is_there_and_used(dashboard):
    used: set[str] = set()
    for text in _texts(dashboard):
        used |= set(re.findall(r"\$\{?([A-Za-z_]\w*)", text))
    assert used - names(dashboard) - BUILT_IN == set()
    assert names(dashboard) - used - {"runbooks"} == set()


def _texts(node) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []


def test_links_between_dashboards_lead_to_one_with_these_variables(dashboard):
    for text in _texts(dashboard["panels"]):
        for uid, rest in re.findall(r"^/d/([\w-]+)\?(.*)$", text):
            assert set(re.findall(r"var-(\w+)=", rest)) <= names(BY_UID[uid])
            assert "${__url_time_range}" in rest
    assert dashboard["links"][0]["tags"] == ["driftline"]
    assert (dashboard["links"][0]["includeVars"], dashboard["links"][0]["keepTime"]) == (True, True)


def test_the_links_of_a_table_name_columns_that_it_has(dashboard):
    for panel in panels(dashboard):
        if panel["type"] == "table":
            renamed = panel["transformations"][-1]["options"]["renameByName"].values()
            used = set(re.findall(r"__data\.fields\.(\w+)", json.dumps(panel["fieldConfig"])))
            assert used <= set(renamed), panel["title"]
            styled = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
            assert styled <= set(renamed), panel["title"]


def test_alerts_and_changes_are_annotated(dashboard):
    assert [note["name"] for note in dashboard["annotations"]["list"]] == ["Alerts", "Configuration", "Baseline"]


def test_every_metric_in_a_query_is_exported(dashboard):
    known = EXPORTED | OF_PROMETHEUS | OF_THE_CLIENT | RECORDED
    for target in targets(dashboard):
        found = metrics(target.expression)
        assert found or target.expression.startswith("vector("), target
        assert found <= known, target
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            assert metrics(variable["query"].removeprefix("label_values(").rsplit(",", 1)[0]) <= known


def test_every_exported_metric_is_on_a_dashboard():
    shown = {name for path in FILES for target in targets(load(path)) for name in metrics(target.expression)}
    assert {m.name for m in METRICS if m.name not in shown and f"{m.name}_bucket" not in shown} == set()


def test_the_thresholds_of_scores_are_those_that_are_exported():
    [score] = [p for p in panels(BY_UID["driftline-field"]) if p["title"].startswith("Score, bound")]
    shown = {target["legendFormat"]: target["expr"] for target in score["targets"]}
    for level in ("warning", "critical"):
        assert "driftline_drift_threshold" in shown[f"{level} threshold"]
        assert f'level="{level}"' in shown[f"{level} threshold"]
    assert "driftline_drift_noise_floor" in shown["noise floor"]


def test_the_names_of_metrics_are_found_in_expressions():
    text = (
        'sum by (le) (rate(a_bucket{x=~"b.*",y="$y"}[5m])) / on (m) group_left () (c:d:e > 0) unless max(f) offset 5m'
    )
    assert metrics(text) == {"a_bucket", "c:d:e", "f"}
    assert filled('x{a="$a"}[$__range]', {"a": "1", "__range": "5s"}) == 'x{a="1"}[5s]'
