"""What a release expects of its cluster: namespaces, accounts and classes that it names and does not bring."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.kube.cluster import Cluster

_LEVELS = ("enforce", "warn", "audit")
_WORKLOADS = ("StatefulSet", "Deployment")


def make_namespace(cluster: Cluster, name: str) -> None:
    """Create a namespace: pods that the restricted standard refuses are refused here, and their workloads warned of.

    Raises:
        RuntimeError: it is there already, or cannot be.
    """
    labels = {f"pod-security.kubernetes.io/{level}": "restricted" for level in _LEVELS}
    _create(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def other_namespaces(objects: Sequence[Any], own: str) -> list[str]:
    """Return the namespaces that objects are in, but for the release's own."""
    return sorted({item["metadata"].get("namespace", own) for item in objects} - {own})


def make_surroundings(cluster: Cluster, objects: Sequence[Any], own: str) -> None:
    """Create what the objects name: other namespaces, service accounts, priority and runtime classes."""
    for name in other_namespaces(objects, own):
        make_namespace(cluster, name)
    brought = {item["metadata"]["name"] for item in objects if item["kind"] == "ServiceAccount"}
    for item in objects:
        if item["kind"] not in _WORKLOADS:
            continue
        pod = item["spec"]["template"]["spec"]
        if (account := pod.get("serviceAccountName", "default")) not in {*brought, "default"}:
            metadata = {"name": account, "namespace": item["metadata"]["namespace"]}
            _create(cluster, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        if priority := pod.get("priorityClassName"):
            cluster.run("kubectl", "create", "priorityclass", priority, "--value=1000")
        if runtime := pod.get("runtimeClassName"):
            kind = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "any"}
            cluster.run("kubectl", "create", "-f", "-", stdin=json.dumps({**kind, "metadata": {"name": runtime}}))


def remove_surroundings(cluster: Cluster, objects: Sequence[Any], own: str) -> None:
    """Delete the other namespaces again, so that the next release finds none of this one."""
    for name in other_namespaces(objects, own):
        cluster.run("kubectl", "delete", "namespace", name, "--timeout=120s")


def _create(cluster: Cluster, wanted: dict[str, Any]) -> None:
    answer = cluster.run("kubectl", "create", "-f", "-", stdin=json.dumps(wanted))
    if answer.code:
        raise RuntimeError(answer.said)
