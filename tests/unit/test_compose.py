"""docker-compose.yaml: valid by the specification, and all that it puts together fits together."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from monitor.cli.demo import demo
from monitor.config.loader import load
from monitor.demo.shop import TOPIC
from tests.support.command_line import answer
from tests.support.compose import COMPOSE, FILE, ROOT, in_repository, mounts, named_volumes, option, services
from tests.support.prometheus import binary

SERVICES = services()
PROMETHEUS = COMPOSE / "prometheus.yaml"
PROVISIONING = COMPOSE / "grafana/provisioning"
DATASOURCE_KEYS = {"name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData"}
PROVIDER_KEYS = {"name", "folder", "type", "disableDeletion", "allowUiUpdates", "options"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_the_file_is_what_the_specification_allows() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, FILE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_that_the_demo_needs_is_there() -> None:
    assert SERVICES.keys() == {"kafka", "shop", "driftline", "prometheus", "alertmanager", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_is_pinned_or_built_here_and_from_no_named_registry(name: str) -> None:
    image = SERVICES[name]["image"]
    if "build" in SERVICES[name]:
        assert (image, SERVICES[name]["build"]) == ("driftline", ".")
    else:
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", image)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists_and_cannot_be_written_to(name: str) -> None:
    for inside, outside in mounts(SERVICES[name]).items():
        assert outside.exists(), inside
    assert all(volume.endswith(":ro") for volume in SERVICES[name].get("volumes", ()) if volume.startswith("./"))


def test_named_volumes_are_declared_and_used_once() -> None:
    used = [volume for service in SERVICES.values() for volume in named_volumes(service)]
    assert sorted(used) == sorted(read(FILE)["volumes"])


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_the_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


@pytest.mark.parametrize("name", SERVICES)
def test_who_waits_for_health_waits_for_a_service_that_has_a_check(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "test" in SERVICES[other]["healthcheck"]


@pytest.mark.parametrize("name", ["shop", "driftline"])
def test_what_is_built_here_may_write_only_where_it_has_to(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])  # noqa: S108


def test_the_daemon_takes_its_configuration() -> None:
    path = in_repository(SERVICES["driftline"], SERVICES["driftline"]["command"][-1])
    assert path == COMPOSE / "driftline.yaml"
    answer("check", "-c", path)
    config = load(path)
    state = PurePosixPath(named_volumes(SERVICES["driftline"])["driftline"])
    assert config.baseline is not None
    assert all(PurePosixPath(at).is_relative_to(state) for at in (config.store.path, config.baseline.path))
    assert config.http.listen == "0.0.0.0:9108"
    assert "127.0.0.1:9108:9108" in SERVICES["driftline"]["ports"]


def test_shop_and_daemon_meet_at_the_broker_that_is_advertised() -> None:
    config = read(COMPOSE / "driftline.yaml")
    broker = config["source"]["bootstrap_servers"]
    assert SERVICES["shop"]["command"] == ["demo", "--produce-to", broker]
    assert "produce_to" in demo.__annotations__
    kafka = SERVICES["kafka"]["environment"]
    assert f"PLAINTEXT://{broker}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert (config["source"]["topics"], config["dead_letter"]["topic"]) == ([TOPIC], f"{TOPIC}.dead")
    assert kafka["KAFKA_LOG_DIRS"] == named_volumes(SERVICES["kafka"])["kafka"]


def test_kafkas_listeners_all_have_a_protocol_and_a_port_of_their_own() -> None:
    kafka = SERVICES["kafka"]["environment"]
    listeners = dict(re.findall(r"([A-Z]+)://:(\d+)", kafka["KAFKA_LISTENERS"]))
    protocols = dict(pair.split(":") for pair in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert listeners.keys() == protocols.keys()
    assert len(set(listeners.values())) == 3
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{kafka['KAFKA_NODE_ID']}@localhost:{listeners['CONTROLLER']}"
    for name, port in re.findall(r"([A-Z]+)://\w+:(\d+)", kafka["KAFKA_ADVERTISED_LISTENERS"]):
        assert listeners[name] == port
    assert f"127.0.0.1:{listeners['HOST']}:{listeners['HOST']}" in SERVICES["kafka"]["ports"]


@pytest.mark.prometheus
def test_prometheus_takes_its_configuration_with_our_rules(tmp_path: Path) -> None:
    service = SERVICES["prometheus"]
    path = in_repository(service, option(service, "config.file"))
    assert path == PROMETHEUS
    (pattern,) = read(path)["rule_files"]
    rules = in_repository(service, str(PurePosixPath(pattern).parent))
    assert rules == ROOT / "alerts/rules"
    substituted = tmp_path / "prometheus.yaml"
    substituted.write_text(path.read_text().replace(str(PurePosixPath(pattern).parent), str(rules)))
    done = subprocess.run(
        [binary("promtool"), "check", "config", substituted], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(list(rules.glob("*.rules.yaml")))


@pytest.mark.alertmanager
def test_alertmanager_takes_its_configuration_and_inhibits_as_the_shipped_one_does() -> None:
    service = SERVICES["alertmanager"]
    path = in_repository(service, option(service, "config.file"))
    done = subprocess.run([binary("amtool"), "check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shipped = read(ROOT / "alerts/alertmanager/alertmanager.yaml")
    assert read(path)["inhibit_rules"] == shipped["inhibit_rules"]
    assert read(path)["route"]["group_by"] == shipped["route"]["group_by"]


def test_each_address_is_a_service_at_the_port_it_listens_on() -> None:
    prometheus = read(PROMETHEUS)
    (job,) = prometheus["scrape_configs"]
    assert job.get("metrics_path", "/metrics") == "/metrics"
    asked = [target for config in job["static_configs"] for target in config["targets"]]
    asked += prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    (source,) = read(PROVISIONING / "datasources/prometheus.yaml")["datasources"]
    asked.append(source["url"].removeprefix("http://"))
    for address in asked:
        name, port = address.split(":")
        assert f"127.0.0.1:{port}:{port}" in SERVICES[name]["ports"]
    for name in ("prometheus", "alertmanager", "grafana"):
        (url,) = [word for word in SERVICES[name]["healthcheck"]["test"] if word.startswith("http")]
        assert f":{SERVICES[name]['ports'][0].split(':')[-1]}/" in url


def test_grafana_provisions_the_data_source_that_the_dashboards_pick() -> None:
    document = read(PROVISIONING / "datasources/prometheus.yaml")
    assert (document["apiVersion"], document.keys()) == (1, {"apiVersion", "datasources"})
    (source,) = document["datasources"]
    assert source.keys() == DATASOURCE_KEYS
    assert (source["access"], source["isDefault"]) == ("proxy", True)
    assert source["jsonData"] == {"timeInterval": read(PROMETHEUS)["global"]["scrape_interval"]}
    for path in (ROOT / "dashboards").glob("*.json"):
        variables = json.loads(path.read_text())["templating"]["list"]
        (variable,) = [variable for variable in variables if variable["type"] == "datasource"]
        assert variable["query"] == source["type"]
        assert not variable.get("regex")
        assert "current" not in variable or not variable["current"], "then the default one is taken"


def test_grafana_provisions_every_dashboard_and_begins_with_the_fleet() -> None:
    document = read(PROVISIONING / "dashboards/driftline.yaml")
    assert (document["apiVersion"], document.keys()) == (1, {"apiVersion", "providers"})
    (provider,) = document["providers"]
    assert provider.keys() == PROVIDER_KEYS
    assert (provider["type"], provider["options"].keys()) == ("file", {"path"})
    folder = PurePosixPath(provider["options"]["path"])
    mounted = {outside for inside, outside in mounts(SERVICES["grafana"]).items() if inside.parent == folder}
    assert mounted == set((ROOT / "dashboards").glob("*.json"))
    assert PurePosixPath("/etc/grafana/provisioning") in mounts(SERVICES["grafana"])
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert in_repository(SERVICES["grafana"], home).name == "driftline-fleet.json"
