"""What has to be refused, so that the other checks mean something: faults that are planted here."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.kube.cluster import Answer, Cluster
from tests.kube.record import Record
from tests.kube.release import Release, wait_until

_MONITOR = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "ServiceMonitor",
    "metadata": {"name": "typo"},
    "spec": {"selector": {}, "endpoints": [{"port": "http", "intervall": "30s"}]},
}
_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "root"},
    "spec": {"containers": [{"name": "root", "image": "any"}]},
}
_ROOT = ("--set", "podSecurityContext.runAsNonRoot=false")


@dataclass(frozen=True)
class Fault:
    """In which file of the chart which text becomes which."""

    file: str
    old: str
    new: str

    def into(self, chart: Path, copy: Path) -> Path:
        """Return a copy of the chart that has the fault.

        Raises:
            ValueError: the chart has no such text, so nothing would be wrong with the copy.
        """
        shutil.copytree(chart, copy)
        path = copy / self.file
        text = path.read_text()
        if self.old not in text:
            raise ValueError(f"{self.file} has no {self.old!r}: plant the fault elsewhere")
        path.write_text(text.replace(self.old, self.new))
        return copy


_MISSPELT = Fault("templates/_monitor.tpl", "honorLabels:", "honourLabels:")
_SELECTOR = Fault("templates/_names.tpl", "component: monitor", "component: daemon")


def refuse(cluster: Cluster, chart: Path, values: Path, home: Path, record: Record) -> None:
    """Check that typos, forbidden pods and a changed selector are refused, and keep the servers' words."""
    release = Release(cluster, "refusals", chart, values)
    release.make_surroundings()
    for what, wanted, why in (
        ("a ServiceMonitor with a misspelt field", _MONITOR, "unknown field"),
        ("a pod that may run as root", _POD, "violates PodSecurity"),
    ):
        create = ("kubectl", "create", "--validate=strict", "--namespace", release.namespace, "-f", "-")
        _refused(record, what, cluster.run(*create, stdin=json.dumps(wanted)), why)
    typo = release.helm("install", "--set", "persistance.enabled=false", "--dry-run=server")
    _refused(record, "a misspelt value", typo, "persistance")
    misspelt = _MISSPELT.into(chart, home / "misspelt")
    dry = release.helm("install", "--dry-run=server", chart=misspelt)
    record.keep("helm --dry-run=server of a template with a misspelt field", f"exit code {dry.code}\n{dry.error}")
    _refused(record, "a template with a misspelt field", release.helm("install", chart=misspelt), "honourLabels")
    release.undo("uninstall")
    _refuse_root(release, record)
    _refuse_changed_selector(release, home, record)


def _refuse_root(release: Release, record: Record) -> None:
    """A workload that may run as root is stored (with a warning); its pods are refused."""
    installed = release.helm("install", *_ROOT)
    record.keep("a workload that may run as root", installed.error)
    refused = wait_until(lambda: "violates PodSecurity" in release.refusals())
    record.check("refused: the pods of a workload that may run as root", refused, installed.said)
    record.keep("its pods", release.refusals())
    release.undo("uninstall")


def _refuse_changed_selector(release: Release, home: Path, record: Record) -> None:
    """An upgrade that touches an immutable field, so that a passing upgrade says something."""
    release.helm("install")
    changed = release.helm("upgrade", chart=_SELECTOR.into(release.chart, home / "selector"))
    record.check("refused: an upgrade that changes the selector", bool(changed.code), changed.said)
    record.keep("an upgrade that changes the selector", changed.error)
    release.undo("uninstall")


def _refused(record: Record, what: str, answer: Answer, why: str) -> None:
    said = f"exit code {answer.code}: {answer.said}"
    record.check(f"refused: {what}", bool(answer.code) and why in answer.said, said)
    record.keep(what, answer.error)
