"""Every value does something: a mark of its own is found in what is rendered, or the choice of another changes it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from helm.values import Value, read_values
from tests.support.helm import CHART, MINIMAL, helm, merged

VALUES = read_values((CHART / "values.yaml").read_text())
SCENARIOS: list[dict[str, Any]] = [
    {
        "serviceMonitor": {"enabled": True},
        "baseline": {"build": {"enabled": True}},
        "service": {"type": "NodePort"},
        "persistence": {"existingClaim": ""},
        "podDisruptionBudget": {"maxUnavailable": None, "minAvailable": "31%"},
        "test": {"timeoutSeconds": 31337},
    },
    {
        "kind": "Deployment",
        "podMonitor": {"enabled": True},
        "baseline": {"source": "initContainer"},
        "podDisruptionBudget": {"minAvailable": None, "maxUnavailable": "32%"},
        "nameOverride": "other",
        "fullnameOverride": "",
        "persistence": {"existingClaim": ""},
    },
    {"baseline": {"source": "configMap"}, "service": {"type": "LoadBalancer"}},
]
ALWAYS: dict[str, Any] = {
    "checkConfig": {"beforeUpgrade": True},
    "ingress": {"enabled": True},
    "networkPolicy": {"enabled": True, "egress": {"enabled": True}},
    "podDisruptionBudget": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "config": MINIMAL["config"]
    | {"baseline": {"kind": "trailing"}, "http": {"tls": {"cert_file": "a", "key_file": "b"}}},
}
CHOICES = {
    "checkConfig.enabled": False,
    "checkConfig.beforeUpgrade": True,
    "serviceAccount.create": False,
    "serviceAccount.automount": True,
    "persistence.enabled": False,
    "probes.startup.enabled": False,
    "probes.liveness.enabled": False,
    "probes.readiness.enabled": False,
    "test.enabled": False,
    "kind": "Deployment",
    "reload": "signal",
    "podManagementPolicy": "OrderedReady",
    "updateStrategy": "OnDelete",
    "logLevel": "warning",
    "persistence.retentionPolicy.whenDeleted": "Delete",
    "persistence.retentionPolicy.whenScaled": "Delete",
    "persistence.accessModes": ["ReadWriteMany"],
    "image.pullPolicy": "Never",
    "image.digest": f"sha256:{'0' * 64}",
    "service.type": "LoadBalancer",
    "service.ipFamilyPolicy": "RequireDualStack",
    "service.ipFamilies": ["IPv4"],
    "dnsPolicy": "Default",
    "hostUsers": False,
    "podDisruptionBudget.enabled": True,
    "podDisruptionBudget.unhealthyPodEvictionPolicy": "IfHealthyBudget",
    "networkPolicy.enabled": True,
    "networkPolicy.egress.enabled": True,
    "serviceMonitor.enabled": True,
    "serviceMonitor.honorLabels": True,
    "podMonitor.enabled": True,
    "podMonitor.honorLabels": True,
    "prometheusRule.enabled": True,
    "prometheusRule.absentMonitor": True,
    "prometheusRule.absentOnly": True,
    "prometheusRule.alerts": {"DriftlineLagging": {"enabled": False}},
    "prometheusRule.objectives.delay": 0.5,
    "prometheusRule.objectives.processed": 0.5,
    "dashboards.enabled": True,
    "ingress.enabled": True,
    "baseline.source": "configMap",
    "baseline.build.enabled": True,
}
"""Values that are no free text or number, with another one than the default."""
FIXED = {"replicas", "config", "prometheusRule.grafanaUrl"}
"""The last has a test of its own, in test_prometheus_rule.py: rules need not have links to dashboards."""


def mark(value: Value, number: int) -> tuple[Any, str] | None:
    """Return something to set and the text by which it is known again; None where only a choice can be made."""
    kind = value.schema.get("$ref", "").rsplit("/", 1)[-1]
    text = f"mark-{number}"
    by_kind: dict[str, tuple[Any, str]] = {
        "labels": ({text: text}, f"{text}: {text}"),
        "texts": ({text: text}, f"{text}: {text}"),
        "strings": ([text], text),
        "object": ({text: text}, f"{text}: {text}"),
        "objects": ([{text: text}], f"{text}: {text}"),
        "named": ([{"name": text}], f"name: {text}"),
        "references": ({f"MARK_{number}": {"name": text, "key": "k"}}, text),
    }
    if kind in by_kind:
        return by_kind[kind]
    if {"enum", "const", "items", "pattern"} & value.schema.keys() and value.path[-1] not in ("mountPath", "filesPath"):
        return None
    if value.path[-1] in ("mountPath", "filesPath"):
        return f"/{text}", f"/{text}"
    if isinstance(value.default, bool | dict | float) or "boolean" in value.schema.get("type", ()):
        return None
    if isinstance(value.default, int) or "integer" in value.schema.get("type", ()):
        return 20_000 + number, str(20_000 + number)
    return text, text


def test_every_value_is_used():
    """Each is set to something of its own, which then is somewhere in what is rendered."""
    marks = {
        value.name: found
        for number, value in enumerate(VALUES)
        if value.name not in FIXED and (found := mark(value, number)) is not None
    }
    assert set(marks) | set(CHOICES) | FIXED == {value.name for value in VALUES}
    skipped = {"podDisruptionBudget.maxUnavailable", "podDisruptionBudget.minAvailable", "test.timeoutSeconds"}
    values: dict[str, Any] = {}
    for value in VALUES:
        if value.name in marks and value.name not in skipped | set(CHOICES):
            values = merged(values, nested(value.path, marks[value.name][0]))
    text = "".join(shown(merged(merged(values, ALWAYS), scenario)) for scenario in SCENARIOS)
    unused = {name for name, (_, known) in marks.items() if name not in skipped | set(CHOICES) and known not in text}
    assert unused == set()
    assert "31%" in text
    assert "32%" in text
    assert "31337" in text


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_makes_a_difference(name):
    path = tuple(name.split("."))
    needed: dict[str, Any] = {}
    for part in ("serviceMonitor", "podMonitor", "prometheusRule", "podDisruptionBudget", "networkPolicy"):
        if path[0] == part and path[1] != "enabled":
            needed = {part: {"enabled": True}}
    needed = merged(needed, EXTRA.get(name, {}))
    assert shown(needed) != shown(merged(needed, nested(path, CHOICES[name])))


EXTRA: dict[str, dict[str, Any]] = {
    "prometheusRule.absentOnly": {"prometheusRule": {"absentMonitor": True}},
    "ingress.enabled": {"ingress": {"hosts": ["a"]}},
    "baseline.source": {"baseline": {"configMap": {"name": "b"}}, "config": {"baseline": {"kind": "file"}}},
    "baseline.build.enabled": {"config": {"baseline": {"kind": "file"}}},
}


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    return value


def shown(values: dict[str, Any]) -> str:
    """Return what is rendered as text."""
    return _shown(yaml.safe_dump(merged(MINIMAL, values)))


@cache
def _shown(text: str) -> str:
    done = helm("template", "t", CHART, "-f", "-", text=text)
    assert done.returncode == 0, done.stderr
    return done.stdout
