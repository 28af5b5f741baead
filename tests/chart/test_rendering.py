"""Every example renders, and what it renders is what Kubernetes and the Prometheus Operator take, to the letter."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.support.helm import CHART, MONITORING, VERSIONS, ci_files, custom_resources, helm, rendered


def test_the_chart_has_no_lint():
    done = helm("lint", "--strict", CHART, "-f", CHART / "ci/default-values.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
    assert "[ERROR]" not in done.stdout


def test_the_chart_without_values_has_no_lint_either():
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ci_files())
def test_every_object_is_what_kubernetes_takes(name, version):
    own = [each for each in rendered(name, version) if each["apiVersion"] != MONITORING]
    assert own
    assert {each["kind"]: fault for each in own if (fault := _fault(json.dumps(each, sort_keys=True), version))} == {}


# It reads the definitions of a whole version, megabytes, for each object.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)


@cache
def _fault(text: str, version: str) -> str:
    """Return why its version of Kubernetes does not take an object, "" if it does; most are the same everywhere."""
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ci_files())
def test_every_custom_resource_fits_its_definition_and_has_no_unknown_key(name):
    faults = [
        error.message
        for each in rendered(name)
        if each["apiVersion"] == MONITORING
        for error in jsonschema.Draft202012Validator(_closed_schema(each["kind"])).iter_errors(each)
    ]
    assert faults == []


def test_a_misspelt_key_of_a_custom_resource_would_be_found():
    (monitor,) = [each for each in rendered("servicemonitor") if each["kind"] == "ServiceMonitor"]
    endpoint = monitor["spec"]["endpoints"][0]
    broken = monitor | {"spec": monitor["spec"] | {"endpoints": [endpoint | {"scrapeTimeOut": "1s"}]}}
    with pytest.raises(jsonschema.ValidationError, match="scrapeTimeOut"):
        jsonschema.Draft202012Validator(_closed_schema("ServiceMonitor")).validate(broken)


def test_a_misspelt_key_of_a_pod_would_be_found():
    (pod,) = [each for each in rendered("default") if each["metadata"]["name"] == "t-driftline-test-answer"]
    with pytest.raises(kubernetes_validate.ValidationError, match="restartpolicy"):
        kubernetes_validate.validate(pod | {"spec": pod["spec"] | {"restartpolicy": "Never"}}, "1.37", strict=True)


@pytest.mark.parametrize("name", ci_files())
def test_objects_do_not_depend_on_what_the_cluster_says_it_has(name):
    """Without a cluster, as with a GitOps controller, a chart that asks would silently leave objects out."""
    assert rendered(name, VERSIONS[0]) == rendered(name, VERSIONS[-1])


def test_an_older_kubernetes_is_refused():
    done = helm("template", "t", CHART, "-f", CHART / "ci/default-values.yaml", "--kube-version", "1.28.9")
    assert done.returncode != 0
    assert "incompatible with Kubernetes v1.28.9" in done.stderr


def test_examples_render_every_kind_of_object():
    kinds = {each["kind"] for name in ci_files() for each in rendered(name)}
    assert kinds == {
        "ConfigMap",
        "Deployment",
        "Ingress",
        "Job",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "StatefulSet",
    }


@cache
def _closed_schema(kind: str) -> dict[str, Any]:
    """Return the schema of a custom resource, closed, as the server prunes and complains of what it does not know."""
    definition = custom_resources()[kind]
    (version,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    schema = _closed(version["schema"]["openAPIV3Schema"])
    # The API machinery checks these.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _closed(schema: Any) -> Any:
    """Return a structural schema as JSON Schema that knows its keys."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes")}
    for name in ("properties", "patternProperties"):
        if name in found:
            found[name] = {key: _closed(value) for key, value in found[name].items()}
    for name in ("items", "additionalProperties", "allOf", "anyOf", "oneOf"):
        if name in found:
            found[name] = _closed(found[name])
    if schema.get("x-kubernetes-int-or-string"):
        found.pop("type", None)
    if "properties" in found and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found
