"""One release of the chart in a namespace of its own that enforces the restricted Pod Security Standard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.kube.cluster import Answer, Cluster

NAME = "driftline"
_WAIT_S = 90.0
_LEVELS = ("enforce", "warn", "audit")


@dataclass(frozen=True)
class Release:
    """A namespace, and the values that the chart is installed with there."""

    cluster: Cluster
    namespace: str
    values: Path | None = None

    def make_namespace(self) -> None:
        """Create the namespace: pods that the restricted standard refuses are refused here, and warned of."""
        labels = {f"pod-security.kubernetes.io/{level}": "restricted" for level in _LEVELS}
        wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
        answer = self.cluster.run("kubectl", "create", "-f", "-", stdin=json.dumps(wanted))
        if answer.code:
            raise RuntimeError(answer.said)

    def helm(self, verb: str, chart: Path, *arguments: str) -> Answer:
        """Run `helm install`, `upgrade` or `template` with this release's values."""
        values = ["--values", str(self.values)] if self.values else []
        return self.cluster.run("helm", verb, NAME, str(chart), "--namespace", self.namespace, *values, *arguments)

    def command(self, *arguments: str) -> Answer:
        """Run any other helm command on the release: `rollback 1`, `uninstall`, `get manifest`."""
        words = arguments[:2] if arguments[0] == "get" else arguments[:1]
        return self.cluster.run("helm", *words, NAME, *arguments[len(words) :], "--namespace", self.namespace)

    def apply_strictly(self, manifest: str) -> Answer:
        """Ask the server, without storing: an unknown or doubled field is an error, so is a warning of pod security."""
        return self.cluster.run(
            *("kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors"),
            *("--namespace", self.namespace, "--field-manager=check", "--force-conflicts", "-f", "-"),
            stdin=manifest,
        )

    def objects(self, kinds: str) -> list[Any]:
        """Return the namespace's objects of some kinds (`pods`, `statefulsets,deployments`)."""
        return list(self.cluster.get(kinds, "--namespace", self.namespace)["items"])

    def manifest(self) -> list[Any]:
        """Return the objects of the release's current revision, hooks apart."""
        said = self.command("get", "manifest")
        if said.code:
            raise RuntimeError(said.said)
        return documents(said.out)

    def refusals(self) -> str:
        """Return what the controllers were refused, from the namespace's warning events."""
        events = [event for event in self.objects("events") if event["reason"].startswith("FailedCreate")]
        return "\n".join(event["message"] for event in events)


def documents(text: str) -> list[Any]:
    """Return the objects of a YAML stream."""
    return [document for document in yaml.safe_load_all(text) if document]


def names(objects: Sequence[Any]) -> list[str]:
    """Return `Kind/name` of each object, sorted."""
    return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in objects)


def wait_until(holds: Callable[[], bool], *, timeout_s: float = _WAIT_S) -> bool:
    """Return whether something has come to hold within the time."""
    until = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True
