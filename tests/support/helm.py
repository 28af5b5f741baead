"""Renders the chart with a real Helm, each set of values once a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "driftline"
VERSIONS = ("1.29.0", "1.37.0")
"""The oldest Kubernetes that the chart allows, and the newest whose schemas there are."""
MONITORING = "monitoring.coreos.com/v1"
MINIMAL: dict[str, Any] = {
    "config": {
        "name": "payments",
        "source": {"kind": "kafka", "bootstrap_servers": "kafka:9092", "topics": ["payments"]},
        "fields": {"amount": {"type": "number"}},
    }
}
# Helm and Kubernetes know no times: text that looks like one stays text.
_TIME = "tag:yaml.org,2002:timestamp"
_CACHE = ROOT / ".cache"
_SCHEMA_OF_HELM = "values don't meet the specifications of the schema"


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML and Kubernetes silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"twice in one mapping: {twice}, {node.start_mark}")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIME]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def program() -> str:
    """Return the path of Helm; without it the test is skipped, or fails where CI=true."""
    own = _CACHE / "helm" / "helm"
    found = str(own) if own.exists() else shutil.which("helm")
    return found or _lacking("Helm is not installed (`make test-setup` fetches it)")


def custom_resources() -> dict[str, Any]:
    """Return the definitions of the Prometheus Operator's resources, by kind."""
    files = sorted((_CACHE / "custom-resources").glob("*.yaml"))
    if not files:
        _lacking("no definitions of the Prometheus Operator's resources (`make test-setup` fetches them, with Go)")
    found = [yaml.safe_load(path.read_text()) for path in files]
    return {each["spec"]["names"]["kind"]: each for each in found}


def helm(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run Helm, which finds no cluster, and return what it said."""
    env = os.environ | {"KUBECONFIG": "/dev/null"}
    words = [program(), *map(str, arguments)]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False, env=env)


def ci_files() -> list[str]:
    """Return the names of the example values, one a feature."""
    return sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))


def ci_values(name: str) -> dict[str, Any]:
    """Return example values as they are written."""
    return yaml.load((CHART / "ci" / f"{name}-values.yaml").read_text(), _Loader)  # noqa: S506 - a safe one


@cache
def rendered(name: str, version: str = VERSIONS[-1]) -> tuple[dict[str, Any], ...]:
    """Return the objects of example values; do not change them. The newest cluster says that it has an operator."""
    known = ("--api-versions", MONITORING) if version == VERSIONS[-1] else ()
    done = helm("template", "t", CHART, "-f", CHART / "ci" / f"{name}-values.yaml", "--kube-version", version, *known)
    assert done.returncode == 0, done.stderr
    return objects_in(done.stdout)


def objects_in(text: str) -> tuple[dict[str, Any], ...]:
    """Return the objects of a stream of YAML documents; a repeated key is an error."""
    return tuple(each for each in yaml.load_all(text, _Loader) if each)


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with others over them, as Helm does with a second file."""
    found = dict(base)
    for key, value in more.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = merged(found[key], value) if both else value
    return found


def render(values: Mapping[str, Any], chart: Path = CHART) -> tuple[dict[str, Any], ...]:
    """Return the objects of values over the minimal ones."""
    done = helm("template", "t", chart, "-f", "-", text=yaml.safe_dump(merged(MINIMAL, values)))
    assert done.returncode == 0, done.stderr
    return objects_in(done.stdout)


def refusal(values: Mapping[str, Any], chart: Path = CHART) -> str:
    """Return with which words the templates refuse values; fails the test when they do not, or the schema does."""
    done = helm("template", "t", chart, "-f", "-", text=yaml.safe_dump(merged(MINIMAL, values)))
    assert done.returncode != 0, "nobody refused it"
    assert _SCHEMA_OF_HELM not in done.stderr, done.stderr
    return done.stderr


def schema_refusal(values: Mapping[str, Any]) -> str:
    """Return with which words the schema refuses values; fails the test when it does not."""
    done = helm("template", "t", CHART, "-f", "-", text=yaml.safe_dump(merged(MINIMAL, values)))
    assert done.returncode != 0, "nobody refused it"
    assert _SCHEMA_OF_HELM in done.stderr, done.stderr
    return done.stderr


def only(objects: tuple[dict[str, Any], ...], kind: str, name: str | None = None) -> dict[str, Any]:
    """Return the one object of a kind (and name)."""
    found = [each for each in objects if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    assert len(found) == 1, [each["metadata"]["name"] for each in found]
    return found[0]


def workload(objects: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Return the StatefulSet or the Deployment."""
    return only(tuple(each for each in objects if each["kind"] in ("StatefulSet", "Deployment")), _kind(objects))


def config_in(objects: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Return the daemon's configuration as it is mounted."""
    name = workload(objects)["metadata"]["name"]
    return yaml.load(only(objects, "ConfigMap", name)["data"]["driftline.yaml"], _Loader)  # noqa: S506


def pods(objects: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every pod's spec with whose it is: the workload's, the hook's, and those of `helm test`."""
    for each in objects:
        if each["kind"] in ("StatefulSet", "Deployment", "Job"):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]


def container(objects: tuple[dict[str, Any], ...], name: str = "driftline") -> dict[str, Any]:
    """Return a container of the workload, or an init container."""
    spec = workload(objects)["spec"]["template"]["spec"]
    found = [each for each in [*spec.get("initContainers", []), *spec["containers"]] if each["name"] == name]
    assert len(found) == 1
    return found[0]


def _kind(objects: tuple[dict[str, Any], ...]) -> str:
    (kind,) = {each["kind"] for each in objects} & {"StatefulSet", "Deployment"}
    return kind


def _lacking(reason: str) -> Any:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
