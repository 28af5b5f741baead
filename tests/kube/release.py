"""One release of the chart, in a namespace of its own that enforces the restricted Pod Security Standard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.kube.cluster import Answer, Cluster
from tests.kube.surroundings import make_namespace, make_surroundings, other_namespaces, remove_surroundings

NAME = "driftline"
_WAIT_S = 90.0


@dataclass(frozen=True)
class Release:
    """A namespace, a chart and the values that it is installed with there."""

    cluster: Cluster
    namespace: str
    chart: Path
    values: Path

    def make_surroundings(self) -> None:
        """Create the namespace and everything that the chart names and does not bring."""
        make_namespace(self.cluster, self.namespace)
        make_surroundings(self.cluster, self.rendered(), self.namespace)

    def remove_surroundings(self) -> None:
        """Delete the namespaces that this release has used beside its own."""
        remove_surroundings(self.cluster, self.rendered(), self.namespace)

    def helm(self, verb: str, *arguments: str, chart: Path | None = None) -> Answer:
        """Run `helm install`, `upgrade` or `template` with these values, of another chart where one is given."""
        where = ("--namespace", self.namespace, "--values", str(self.values))
        return self.cluster.run("helm", verb, NAME, str(chart or self.chart), *where, *arguments)

    def upgrade(self, *arguments: str) -> Answer:
        """Run `helm upgrade`; without hooks where one is a job, which nobody would run here."""
        jobs = any(item["kind"] == "Job" and is_hook(item) for item in self.rendered())
        return self.helm("upgrade", *(("--no-hooks",) if jobs else ()), *arguments)

    def undo(self, verb: str, *arguments: str) -> Answer:
        """Run `helm rollback` or `uninstall`."""
        return self.cluster.run("helm", verb, NAME, *arguments, "--namespace", self.namespace)

    def rendered(self) -> list[Any]:
        """Return all objects of the chart with these values, those of `helm test` too.

        Raises:
            RuntimeError: helm cannot render them.
        """
        answer = self.helm("template")
        if answer.code:
            raise RuntimeError(answer.said)
        return [item for item in yaml.safe_load_all(answer.out) if item]

    def apply_strictly(self) -> Answer:
        """Ask the server about all objects, storing none: an unknown or doubled field or a warning is an error."""
        # As the default only: objects may be in other namespaces, which --namespace would refuse.
        self.cluster.run("kubectl", "config", "set-context", "--current", f"--namespace={self.namespace}")
        strictly = ("--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors")
        by = ("--field-manager=check", "--force-conflicts")
        return self.cluster.run("kubectl", "apply", *strictly, *by, "-f", "-", stdin=self.helm("template").out)

    def objects(self, kinds: str) -> list[Any]:
        """Return the objects of some kinds (`pods`, `statefulsets,deployments`) in all namespaces of the release."""
        spaces = {self.namespace, *other_namespaces(self.rendered(), self.namespace)}
        return [item for item in self.cluster.get(kinds, "-A")["items"] if item["metadata"]["namespace"] in spaces]

    def refusals(self) -> str:
        """Return what the controllers were refused, from the warning events."""
        events = [event for event in self.objects("events") if event["reason"].startswith("FailedCreate")]
        return "\n".join(event["message"] for event in events)


def names(objects: Sequence[Any]) -> list[str]:
    """Return `Kind/name` of each object, sorted."""
    return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in objects)


def is_hook(item: Any) -> bool:
    """Tell whether helm makes this object only for a hook, as `helm test` does its pods."""
    return "helm.sh/hook" in (item["metadata"].get("annotations") or {})


def wait_until(holds: Callable[[], bool], *, timeout_s: float = _WAIT_S) -> bool:
    """Return whether something has come to hold within the time."""
    until = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True
