"""What cannot be meant is refused before it is installed, with a remedy."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import yaml

from monitor.config.schema import configuration_schema
from tests.support.helm import CHART, helm, refusal, render, schema_refusal

KAFKA = {"kind": "kafka", "bootstrap_servers": "kafka:9092", "topics": ["payments"]}
FILE = {"kind": "file"}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("There is nothing to watch yet", {"config": {"source": None}}),
    ("There is nothing to watch yet", {"config": {"name": ""}}),
    ("config.source.kind is files", {"config": {"source": {"kind": "files", "paths": ["x"]}}}),
    ("config.store.path is /data", {"config": {"store": {"path": "/data"}}}),
    ("config.http.listen is 0.0.0.0:8080, but service.port is 9108", {"config": {"http": {"listen": "0.0.0.0:8080"}}}),
    ("which neither the kubelet nor Prometheus can reach", {"config": {"http": {"listen": "127.0.0.1:9108"}}}),
    ("which neither the kubelet nor Prometheus can reach", {"config": {"http": {"listen": "[::1]:9108"}}}),
    ("config.baseline is not set", {"baseline": {"source": "configMap", "configMap": {"name": "b"}}}),
    ("baseline.configMap.name", {"baseline": {"source": "configMap"}, "config": {"baseline": FILE}}),
    ("baseline.initContainer.image", {"baseline": {"source": "initContainer"}, "config": {"baseline": FILE}}),
    ("baseline.build makes a version in the store", {"baseline": {"build": {"enabled": True}}}),
    (
        "baseline.build makes a version in the store",
        {
            "baseline": {"source": "configMap", "configMap": {"name": "b"}, "build": {"enabled": True}},
            "config": {"baseline": FILE},
        },
    ),
    ("config.baseline.path is /elsewhere", {"config": {"baseline": FILE | {"path": "/elsewhere"}}}),
    (
        "config.baseline.path is /var/lib/driftline/b",
        {
            "baseline": {"source": "configMap", "configMap": {"name": "b"}},
            "config": {"baseline": FILE | {"path": "/var/lib/driftline/b"}},
        },
    ),
    ("the store is an empty volume at every start", {"kind": "Deployment", "config": {"baseline": FILE}}),
    (
        "the store is an empty volume at every start",
        {"persistence": {"enabled": False}, "config": {"baseline": {"kind": "seasonal"}}},
    ),
    ("config has ${BROKERS}, which nothing sets", {"config": {"source": {"bootstrap_servers": "${BROKERS}"}}}),
    (
        "give secrets.files.kafka",
        {"config": {"source": {"security": {"password": "${file:/run/secrets/driftline/kafka}"}}}},
    ),
    (
        "A is in secrets.env and in extraEnv",
        {"secrets": {"env": {"A": {"name": "s", "key": "k"}}}, "extraEnv": [{"name": "A", "value": "x"}]},
    ),
    ("secrets.env has POD_NAME", {"secrets": {"env": {"POD_NAME": {"name": "s", "key": "k"}}}}),
    ("configFiles has driftline.yaml", {"configFiles": {"driftline.yaml": "x"}}),
    ("everything would be scraped twice", {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}),
    (
        "Prometheus would be refused",
        {"serviceMonitor": {"enabled": True}, "config": {"http": {"token": "${T}"}}, "extraEnvFrom": [{}]},
    ),
    (
        "Prometheus would be refused",
        {"podMonitor": {"enabled": True}, "config": {"http": {"token": "${file:/vault/secrets/token}"}}},
    ),
    ("minAvailable and maxUnavailable", {"podDisruptionBudget": {"enabled": True, "minAvailable": 1}}),
    ("app.kubernetes.io/name cannot be set", {"podLabels": {"app.kubernetes.io/name": "x"}}),
    ("app.kubernetes.io/instance cannot be set", {"commonLabels": {"app.kubernetes.io/instance": "x"}}),
    ("ingress.hosts", {"ingress": {"enabled": True}}),
    ("prometheusRule.absentOnly leaves nothing", {"prometheusRule": {"enabled": True, "absentOnly": True}}),
]


@cache
def said(number: int) -> str:
    """Return what is said of a case."""
    return refusal(REFUSED[number][1])


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[words for words, _ in REFUSED])
def test_a_contradiction_is_refused(number):
    assert REFUSED[number][0] in said(number)


def test_every_refusal_of_the_templates_has_a_case():
    """A `fail` that no case provokes may never have worked. Two have tests of their own."""
    text = "".join(path.read_text() for path in CHART.glob("templates/**/*.*"))
    messages = re.findall(r'\bfail \(?(?:printf )?"(.*?)(?<!\\)"', text)
    assert len(messages) == text.count("fail ") > 20
    everything = " ".join(said(number) for number in range(len(REFUSED)))
    for message in messages:
        longest = max(re.split(r"%[svd]|\\n|\\\"", message), key=len)
        elsewhere = "is a secret" in message or "more than a ConfigMap holds" in message
        assert elsewhere or longest in everything, message


def sink(kind: str, **settings: Any) -> dict[str, Any]:
    return {"config": {"sinks": [{"kind": kind, "name": "s", **settings}]}}


def security(**settings: Any) -> dict[str, Any]:
    return {"config": {"source": {"security": {"protocol": "SASL_SSL", **settings}}}}


def registry(**settings: Any) -> dict[str, Any]:
    return {"config": {"decoder": {"kind": "avro", "schema_registry": {"url": "http://r:8081", **settings}}}}


SECRETS: dict[tuple[str, str], dict[str, Any]] = {
    ("AlertmanagerSpec", "password"): sink("alertmanager", password="hunter22"),
    ("AlertmanagerSpec", "bearer_token"): sink("alertmanager", bearer_token="hunter22"),
    ("AppriseSpec", "url"): sink("apprise", url="mailto://hunter22"),
    ("HttpSpec", "token"): {"config": {"http": {"token": "hunter22"}}},
    ("PagerDutySpec", "routing_key"): sink("pagerduty", routing_key="hunter22"),
    ("RegistrySpec", "password"): registry(password="hunter22"),
    ("RegistrySpec", "token"): registry(token="hunter22"),
    ("SecuritySpec", "password"): security(password="hunter22"),
    ("SecuritySpec", "key_password"): security(key_password="hunter22"),
    ("SlackSpec", "url"): sink("slack", url="https://hooks.example.com/hunter22"),
    ("WebhookSpec", "secret"): sink("webhook", secret="hunter22"),
    ("WebhookSpec", "previous_secret"): sink("webhook", previous_secret="hunter22"),
    ("WebhookSpec", "headers"): sink("webhook", headers={"X-Api-Key": "hunter22"}),
    ("WebhookSpec", "url"): sink("webhook", url="https://me:hunter22@hooks.example.com/"),
}


@pytest.mark.parametrize("where", SECRETS, ids=".".join)
def test_a_secret_in_the_configuration_is_refused_and_not_repeated(where):
    said = refusal(SECRETS[where])
    assert "is a secret, and the configuration becomes a ConfigMap" in said
    assert "hunter22" not in said


def test_every_secret_that_the_daemon_knows_is_among_them():
    def holds(schema: Any) -> bool:
        if isinstance(schema, dict):
            return schema.get("format") == "password" or any(holds(each) for each in schema.values())
        return isinstance(schema, list) and any(holds(each) for each in schema)

    found = {
        (spec, name)
        for spec, schema in configuration_schema()["$defs"].items()
        for name, each in schema.get("properties", {}).items()
        if holds(each)
    }
    assert found == set(SECRETS)


FINE: list[dict[str, Any]] = [
    sink("webhook", url="https://hooks.example.com/driftline", headers={"X-Team": "data"}),
    {"config": {"source": {"bootstrap_servers": "${BROKERS:-kafka:9092}"}}},
    {"config": {"source": {"client_id": "driftline-${POD_NAME}"}}},
    {"config": {"source": {"client_id": "$${NOT_A_VARIABLE}"}}},
    {"config": {"source": {"client_id": "${ANY}"}}, "extraEnvFrom": [{"secretRef": {"name": "s"}}]},
    {"config": {"source": {"client_id": "${ANY}"}}, "extraEnv": [{"name": "ANY", "value": "x"}]},
    security(password="${file:/vault/secrets/kafka}"),
    {"kind": "Deployment", "config": {"baseline": {"kind": "trailing"}}},
    {"kind": "Deployment", "config": {"baseline": FILE}, "baseline": {"build": {"enabled": True}}},
    {"config": {"http": {"listen": ":9108"}}},
    {"global": {"anything": 1}, "enabled": True},
]


@pytest.mark.parametrize("values", FINE, ids=str)
def test_what_can_be_meant_is_not_refused(values):
    assert render(values)


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 2},
        {"autoscaling": {"enabled": True}},
        {"persistence": {"sice": "1Gi"}},
        {"kind": "DaemonSet"},
        {"prometheusRule": {"alerts": {"DriftlineLaging": {"threshold": 1}}}},
        {"prometheusRule": {"alerts": {"DriftlineWatchdog": {"threshold": 1}}}},
        {"prometheusRule": {"objectives": {"delay": 0}}},
        {"secrets": {"env": {"PASSWORD": "hunter22"}}},
        {"image": {"tag": 1.0}},
        {"image": {"digest": "sha256:abc"}},
        {"extraEnv": [{"value": "x"}]},
        {"terminationGracePeriodSeconds": 10},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_misspelt_or_of_another_type(values):
    assert schema_refusal(values)


def test_without_any_values_it_says_what_is_needed():
    done = helm("template", "t", CHART)
    assert done.returncode != 0
    assert "There is nothing to watch yet" in done.stderr
    (text,) = [part for part in done.stderr.split("\n\n") if part.lstrip().startswith("config:")]
    shown = yaml.safe_load(text.split("\n\nlevel")[0])
    assert render(shown)
