"""What must agree between the objects of a release, and with the daemon."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from monitor.web import app as web_app
from monitor.web.guard import OPEN_PATHS
from monitor.web.settings import HttpSpec
from tests.support.helm import ci_files, ci_values, config_in, container, only, pods, rendered, workload

EVERY = pytest.mark.parametrize("name", ci_files())
OURS = {"driftline", "check-config", "build-baseline", "fetch-baseline", "connect", "answer"}


def http_services(objects: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == "Service" and each["spec"].get("clusterIP") != "None"]


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


@EVERY
def test_selectors_find_the_daemon_and_nothing_else(name):
    objects = rendered(name)
    labels = workload(objects)["spec"]["template"]["metadata"]["labels"]
    others = [each["metadata"]["labels"] for each in objects if each["kind"] == "Pod"]
    others += [each["spec"]["template"]["metadata"]["labels"] for each in objects if each["kind"] == "Job"]
    selectors = [workload(objects)["spec"]["selector"]["matchLabels"]]
    selectors += [each["spec"]["selector"] for each in objects if each["kind"] == "Service"]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in objects if each["kind"] == "NetworkPolicy"]
    selectors += [
        each["spec"]["selector"]["matchLabels"]
        for each in objects
        if each["kind"] in ("PodDisruptionBudget", "PodMonitor")
    ]
    for selector in selectors:
        assert selects(selector, labels)
        assert not any(selects(selector, other) for other in others)


@EVERY
def test_selectors_do_not_change_with_versions(name):
    """They cannot be changed in a cluster, so an upgrade would fail."""
    found = workload(rendered(name))["spec"]
    fixed = [found["selector"]["matchLabels"]]
    fixed += [each["metadata"]["labels"] for each in found.get("volumeClaimTemplates", [])]
    for labels in fixed:
        assert not {"helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by"} & labels.keys()


@EVERY
def test_a_service_monitor_scrapes_one_service_once(name):
    objects = rendered(name)
    for monitor in (each for each in objects if each["kind"] == "ServiceMonitor"):
        found = [
            each
            for each in objects
            if each["kind"] == "Service"
            and selects(monitor["spec"]["selector"]["matchLabels"], each["metadata"]["labels"])
        ]
        assert found == http_services(objects)
        assert monitor["spec"]["namespaceSelector"]["matchNames"] == [found[0]["metadata"]["namespace"]]


@EVERY
def test_everybody_means_the_same_port(name):
    objects = rendered(name)
    main = container(objects)
    (port,) = main["ports"]
    config = config_in(objects)
    assert config["http"]["listen"].endswith(f":{port['containerPort']}")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert main.get(probe, {"httpGet": {"port": port["name"]}})["httpGet"]["port"] == port["name"]
    for each in objects:
        spec = each.get("spec", {})
        if each["kind"] == "Service":
            assert [(p["name"], p["port"], p["targetPort"]) for p in spec["ports"]] == [
                ("http", port["containerPort"], port["name"])
            ]
        elif each["kind"] in ("ServiceMonitor", "PodMonitor"):
            endpoints = spec.get("endpoints") or spec["podMetricsEndpoints"]
            assert [endpoint["port"] for endpoint in endpoints] == [port["name"]]
        elif each["kind"] == "NetworkPolicy":
            assert [p["port"] for p in spec["ingress"][0]["ports"]] == [port["name"]]
        elif each["kind"] == "Ingress":
            for rule in spec["rules"]:
                service = rule["http"]["paths"][0]["backend"]["service"]
                assert service == {"name": http_services(objects)[0]["metadata"]["name"], "port": {"name": "http"}}


@EVERY
def test_everybody_speaks_https_where_the_daemon_does(name):
    objects = rendered(name)
    scheme = "https" if "tls" in config_in(objects)["http"] else "http"
    main = container(objects)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert main.get(probe, {"httpGet": {"scheme": scheme.upper()}})["httpGet"]["scheme"] == scheme.upper()
    for each in objects:
        if each["kind"] in ("ServiceMonitor", "PodMonitor"):
            endpoints = each["spec"].get("endpoints") or each["spec"]["podMetricsEndpoints"]
            assert {endpoint["scheme"] for endpoint in endpoints} == {scheme}
    assert {service["spec"]["ports"][0]["appProtocol"] for service in http_services(objects)} == {scheme}


def test_probes_and_monitors_ask_for_pages_that_the_daemon_has(monkeypatch):
    made: list[Starlette] = []

    def keep(**settings: Any) -> Starlette:
        made.append(Starlette(**settings))
        return made[0]

    monkeypatch.setattr(web_app, "Starlette", keep)
    web_app.create_app(lambda: None, alive=lambda: True, metrics=None, spec=HttpSpec())
    pages = {route.path for route in made[0].routes if isinstance(route, Route)}
    main = container(rendered("servicemonitor"))
    asked = [main[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")]
    assert asked == ["/livez", "/livez", "/readyz"]
    assert set(asked) <= pages & OPEN_PATHS, "the kubelet has no token"
    endpoint = only(rendered("servicemonitor"), "ServiceMonitor")["spec"]["endpoints"][0]
    assert endpoint["path"] in pages


@EVERY
def test_objects_say_what_they_belong_to(name):
    for each in rendered(name):
        if each["metadata"]["name"] == "own":
            continue
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "t"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["helm.sh/chart"] == "driftline-0.1.0"
        assert len(each["metadata"]["name"]) <= 63


@EVERY
def test_images_are_those_of_the_values(name):
    for _, spec in pods(rendered(name)):
        for each in [*spec.get("initContainers", []), *spec["containers"]]:
            if each["name"] in OURS - {"fetch-baseline"}:
                assert each["image"] == IMAGES.get(name, "driftline/driftline:0.1.0")


IMAGES = {
    "ephemeral": f"driftline/driftline:0.1.0-rc.1@sha256:{'0123456789abcdef' * 4}",
    "extra-everything": "registry.example.com:5000/mirror/driftline:0.1.0",
}


def test_what_is_added_is_there():
    objects = rendered("extra-everything")
    values = ci_values("extra-everything")
    spec = workload(objects)["spec"]["template"]["spec"]
    for key in ("affinity", "dnsConfig", "hostAliases", "nodeSelector", "tolerations", "topologySpreadConstraints"):
        assert spec[key] == values[key]
    for key in ("dnsPolicy", "priorityClassName", "runtimeClassName", "schedulerName", "imagePullSecrets", "hostUsers"):
        assert spec[key] == values[key]
    assert spec["terminationGracePeriodSeconds"] == 180
    main = container(objects)
    assert main["lifecycle"] == values["lifecycle"]
    assert main["resources"] == values["resources"]
    assert main["envFrom"] == values["extraEnvFrom"]
    assert main["args"][-1] == "--dry-run"
    assert [each["name"] for each in spec["containers"]] == ["driftline", "sidecar"]
    assert [each["name"] for each in spec["initContainers"]] == ["wait", "check-config"]
    own = only(objects, "ConfigMap", "own")
    assert own == values["extraObjects"][0], "written as it is, not as a template"
    assert {each["metadata"]["namespace"] for each in objects} == {"data"}
    assert workload(objects)["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] == ""
    budget = only(objects, "PodDisruptionBudget")["spec"]
    assert budget["minAvailable"] == 1
    assert "maxUnavailable" not in budget


def test_the_fetched_baseline_is_where_the_daemon_reads_it():
    objects = rendered("baseline-initcontainer")
    fetch = container(objects, "fetch-baseline")
    path = config_in(objects)["baseline"]["path"]
    assert {"name": "BASELINE_PATH", "value": path} in fetch["env"]
    assert {"name": "baseline", "mountPath": path} in fetch["volumeMounts"]
    assert {"name": "baseline", "mountPath": path, "readOnly": True} in container(objects)["volumeMounts"]
    names = [each["name"] for each in workload(objects)["spec"]["template"]["spec"]["initContainers"]]
    assert names == ["check-config", "fetch-baseline"]


def test_the_namespace_of_tests_and_rules_is_their_own():
    assert only(rendered("rules"), "PrometheusRule")["metadata"]["namespace"] == "monitoring"
    assert only(rendered("monitors"), "PodMonitor")["metadata"]["namespace"] == "monitoring"


def test_prometheus_finds_the_token_where_the_daemon_does():
    endpoint = only(rendered("sasl-tls"), "ServiceMonitor")["spec"]["endpoints"][0]
    assert endpoint["authorization"] == {"credentials": {"name": "driftline-http", "key": "token"}}


def test_the_hook_checks_what_the_upgrade_will_mount():
    objects = rendered("extra-everything")
    job = only(objects, "Job")
    spec = job["spec"]["template"]["spec"]
    (check,) = spec["containers"]
    assert check["args"] == container(objects, "check-config")["args"]
    assert check["env"] == container(objects)["env"]
    config = next(volume["configMap"]["name"] for volume in spec["volumes"] if volume["name"] == "config")
    own, later = (only(objects, "ConfigMap", name) for name in (config, "payments-quality"))
    assert own["data"] == later["data"]
    hooks = [each["metadata"]["annotations"] for each in (own, job)]
    assert [each["helm.sh/hook"] for each in hooks] == ["pre-upgrade", "pre-upgrade"]
    assert int(hooks[0]["helm.sh/hook-weight"]) < int(hooks[1]["helm.sh/hook-weight"]), "the ConfigMap comes first"
    assert "serviceAccountName" not in spec, "a new one does not exist yet"
