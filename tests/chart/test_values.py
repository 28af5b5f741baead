"""values.yaml, its schema, README and the templates say the same; what is generated is as the generator writes it."""

from __future__ import annotations

import json
import re
import tarfile
from typing import Any

import jsonschema
import pytest
import yaml

import monitor
from helm.__main__ import generated
from helm.values import Value, read_values
from tests.support.helm import CHART, MINIMAL, ci_files, ci_values, helm, merged

VALUES = read_values((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
META = yaml.safe_load((CHART / "Chart.yaml").read_text())


@pytest.mark.parametrize("name", generated())
def test_generated_files_are_up_to_date(name):
    assert (CHART / name).read_text() == generated()[name], "run `make chart-files`"


def test_no_copy_is_left_of_what_is_gone():
    found = {str(path.relative_to(CHART)) for path in CHART.glob("files/*/*")}
    assert found == {name for name in generated() if name.startswith("files/")}


def test_a_value_without_a_comment_is_an_error():
    with pytest.raises(ValueError, match=r"a\.c"):
        read_values("a:\n  # -- Said.\n  b: 1\n  c: 2\n")


def test_the_schema_is_one_that_every_helm_understands():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_the_defaults_and_all_examples_fit_it():
    validator = jsonschema.Draft7Validator(SCHEMA)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    validator.validate(defaults)
    for name in ci_files():
        validator.validate(merged(defaults, ci_values(name)))


def closed(schema: Any, path: tuple[str, ...] = ()) -> Any:
    """Yield the paths of objects whose keys are listed."""
    if "properties" in schema:
        yield path, schema
        for name, each in schema["properties"].items():
            yield from closed(each, (*path, name))


def test_every_object_of_ours_is_closed_and_every_key_is_described():
    objects = dict(closed(SCHEMA))
    assert len(objects) > 20
    for path, schema in objects.items():
        assert schema["additionalProperties"] is False, path
        for name, each in schema["properties"].items():
            assert "properties" in each or len(each["description"]) > 3, (*path, name)
        broken: Any = {"misspelt": 1}
        for name in reversed(path):
            broken = {name: broken}
        with pytest.raises(jsonschema.ValidationError, match="misspelt"):
            jsonschema.Draft7Validator(SCHEMA).validate(broken)


def test_schema_and_values_have_the_same_keys():
    listed = {
        (*path, name)
        for path, schema in closed(SCHEMA)
        for name, each in schema["properties"].items()
        if "properties" not in each
    }
    assert listed - {("global",), ("enabled",)} == {value.path for value in VALUES}


def test_the_readme_has_every_value():
    rows = re.findall(r"^\| `([\w.]+)` \|", (CHART / "README.md").read_text(), re.MULTILINE)
    assert rows == [value.name for value in VALUES]


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
    {"baseline": {"source": "configMap"}},
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
FIXED = {"replicas", "config"}


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
    if isinstance(value.default, bool | dict | float):
        return None
    if isinstance(value.default, int) or "integer" in value.schema.get("type", ()):
        return 20_000 + number, str(20_000 + number)
    return text, text


def test_every_value_is_used():
    """Each is set to something of its own, which then is somewhere in what is rendered."""
    marks = {value.name: found for number, value in enumerate(VALUES) if (found := mark(value, number)) is not None}
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


_SHOWN: dict[str, str] = {}


def shown(values: dict[str, Any]) -> str:
    """Return what is rendered as text."""
    text = yaml.safe_dump(merged(MINIMAL, values))
    if text not in _SHOWN:
        done = helm("template", "t", CHART, "-f", "-", text=text)
        assert done.returncode == 0, done.stderr
        _SHOWN[text] = done.stdout
    return _SHOWN[text]


def test_the_chart_is_of_this_version():
    assert META["appVersion"] == monitor.__version__
    assert META["kubeVersion"] == ">=1.29.0-0"
    image = f"driftline/driftline:{META['appVersion']}"
    notes = META["annotations"]
    assert yaml.safe_load(notes["artifacthub.io/images"]) == [{"name": "driftline", "image": image}]
    assert {change["kind"] for change in yaml.safe_load(notes["artifacthub.io/changes"])} <= {
        "added",
        "changed",
        "deprecated",
        "removed",
        "fixed",
        "security",
    }
    assert {"name", "url"} == {key for link in yaml.safe_load(notes["artifacthub.io/links"]) for key in link}


def test_the_package_has_what_is_needed_and_fits_the_secret_that_helm_keeps_it_in(tmp_path):
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = {name.removeprefix("driftline/") for name in archive.getnames()}
    assert {
        "Chart.yaml",
        "values.schema.json",
        "README.md",
        "files/answer.py",
        "files/rules/driftline.rules.yaml",
    } <= names
    assert not any(name.startswith("ci/") for name in names)
    # A release is its chart and manifest, compressed, in a Secret of at most 1 MiB.
    assert package.stat().st_size < 200_000
