"""The life of a release with the values of one `ci/` file: dry run, install, upgrade, rollback, uninstall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kube.record import Record
from tests.kube.release import Release, is_hook, names, wait_until

_WORKLOADS = ("StatefulSet", "Deployment")
_CHANGE = ("--set-string", "podAnnotations.changed=yes")
_KINDS = (
    "statefulsets,deployments,pods,services,configmaps,secrets,serviceaccounts,networkpolicies,ingresses,"
    "poddisruptionbudgets,servicemonitors,podmonitors,prometheusrules"
)


@dataclass(frozen=True)
class Lived:
    """A row of the page's table: which objects there were, what the controllers made of them, what stayed."""

    values: str
    kinds: str
    pods: int
    claims: int
    left: str


def live(release: Release, record: Record) -> Lived:
    """Lead a release through its whole life; what goes wrong is in the record."""
    release.make_surroundings()
    before = set(names(release.objects(_KINDS)))
    dry = release.helm("install", "--dry-run=server")
    record.check("helm install --dry-run=server", not dry.code, dry.said)
    installed = release.helm("install")
    record.check("helm install", not installed.code, installed.said)
    # Only now: a pod of `helm test` is refused as long as its service account is not there.
    strict = release.apply_strictly()
    record.check("all objects, hooks too, applied strictly without a warning (dry run)", not strict.code, strict.error)
    objects = [item for item in release.rendered() if not is_hook(item)]
    _check_found(release, objects, record)
    _check_pods(release, objects, record)
    pods, claims = len(release.objects("pods")), len(release.objects("persistentvolumeclaims"))
    _upgrade_and_roll_back(release, record)
    left = _uninstall(release, before, record)
    release.remove_surroundings()
    kinds = Counter(item["kind"] for item in objects)
    told = ", ".join(kind if n == 1 else f"{n} {kind}s" for kind, n in sorted(kinds.items()))
    return Lived(release.values.name.removesuffix("-values.yaml"), told, pods, claims, left)


def upgrade_from(release: Release, previous: Path, record: Record) -> None:
    """Upgrade from another version of the chart, back, and forth again: no field may be immutable on the way."""
    release.make_surroundings()
    for what, answer in (
        ("install of the previous version", release.helm("install", chart=previous)),
        ("upgrade", release.upgrade()),
        ("rollback", release.undo("rollback", "1")),
        ("upgrade once more", release.upgrade()),
    ):
        record.check(what, not answer.code, answer.said)
    _check_pods(release, release.rendered(), record)
    release.undo("uninstall")
    release.remove_surroundings()


def _check_found(release: Release, objects: Sequence[Any], record: Record) -> None:
    missing = []
    for item in objects:
        space = item["metadata"].get("namespace", release.namespace)
        name = f"{item['kind']}/{item['metadata']['name']}"
        if release.cluster.run("kubectl", "get", name, "--namespace", space).code:
            missing.append(name)
    record.check(f"kubectl get finds all {len(objects)} objects", not missing, ", ".join(missing))


def _check_pods(release: Release, objects: Sequence[Any], record: Record) -> None:
    """Check that the controllers could create every pod and claim: pods pass the namespace's restricted standard."""
    wanted = sum(item["spec"].get("replicas", 1) for item in objects if item["kind"] in _WORKLOADS)
    made = wait_until(lambda: len(release.objects("pods")) >= wanted or bool(release.refusals()))
    refused = release.refusals()
    record.check(f"{wanted} pod(s) created under the restricted standard", made and not refused, refused)


def _upgrade_and_roll_back(release: Release, record: Record) -> None:
    before = _templates(release)
    changed = release.upgrade(*_CHANGE)
    record.check("helm upgrade with changed values", not changed.code, changed.said)
    record.check("the workload has the change", _templates(release) != before)
    back = release.undo("rollback", "1")
    record.check("helm rollback", not back.code, back.said)
    record.check("the workload is as it was", _templates(release) == before)


def _templates(release: Release) -> list[Any]:
    return [item["spec"]["template"] for item in release.objects("statefulsets,deployments")]


def _uninstall(release: Release, before: set[str], record: Record) -> str:
    gone = release.undo("uninstall")
    record.check("helm uninstall", not gone.code, gone.said)

    def left() -> set[str]:
        return set(names(release.objects(_KINDS))) - before - {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}

    record.check("nothing but claims is left", wait_until(lambda: not left()), ", ".join(left()))
    return ", ".join(names(release.objects("persistentvolumeclaims"))) or "nothing"
