"""The life of a release with the values of one `ci/` file: dry run, install, upgrade, rollback, uninstall."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kube.record import Record
from tests.kube.release import Release, documents, names, wait_until

_WORKLOADS = ("StatefulSet", "Deployment")
# What a change of values is made of here: a new annotation of the pod makes a new revision of any workload.
_CHANGE = ("--set-string", "podAnnotations.changed=yes")


@dataclass(frozen=True)
class Lived:
    """A row of the page's table: how many objects there were, what the controllers made of them, what stayed."""

    values: str
    kinds: str
    pods: int
    claims: int
    left: str


def live(release: Release, chart: Path, record: Record) -> Lived:
    """Lead a release through its whole life; what goes wrong is in the record."""
    release.make_namespace()
    _make_priority_classes(release, chart)
    dry = release.helm("install", chart, "--dry-run=server")
    record.check("helm install --dry-run=server", not dry.code, dry.said)
    installed = release.helm("install", chart)
    if not record.check("helm install", not installed.code, installed.said):
        return Lived(release.namespace, "-", 0, 0, "-")
    objects = release.manifest()
    _apply_strictly(release, chart, record)
    missing = [name for name in names(objects) if not _exists(release, name)]
    record.check(f"kubectl get finds all {len(objects)} objects", not missing, ", ".join(missing))
    _check_pods(release, objects, record)
    pods, claims = len(release.objects("pods")), len(release.objects("persistentvolumeclaims"))
    _upgrade_and_roll_back(release, chart, record)
    left = _uninstall(release, record)
    return Lived(release.namespace, ", ".join(name.split("/")[0] for name in names(objects)), pods, claims, left)


def upgrade_from(release: Release, previous: Path, chart: Path, record: Record) -> None:
    """Upgrade from another version of the chart, back, and forth again: no field may be immutable on the way."""
    release.make_namespace()
    _make_priority_classes(release, chart)
    installed = release.helm("install", previous)
    if not record.check("install of the previous version", not installed.code, installed.said):
        return
    for what, answer in (
        ("upgrade from the previous version", release.helm("upgrade", chart)),
        ("rollback to the previous version", release.command("rollback", "1")),
        ("upgrade once more", release.helm("upgrade", chart)),
    ):
        record.check(what, not answer.code, answer.said)
    _check_pods(release, release.manifest(), record)
    release.command("uninstall")


def _apply_strictly(release: Release, chart: Path, record: Record) -> None:
    """Have the server look at all objects again, hooks too, in its strictest way; pods need the account to be there."""
    strict = release.apply_strictly(release.helm("template", chart).out)
    record.check("all objects, hooks too, applied strictly without a warning (dry run)", not strict.code, strict.error)


def _make_priority_classes(release: Release, chart: Path) -> None:
    """Create the priority classes that pods ask for: admission refuses a pod whose class does not exist."""
    for item in documents(release.helm("template", chart).out):
        if wanted := _pod_spec(item).get("priorityClassName"):
            release.cluster.run("kubectl", "create", "priorityclass", wanted, "--value=1000")


def _pod_spec(item: Any) -> dict[str, Any]:
    found = item.get("spec", {}).get("template", {}).get("spec", {}) if item["kind"] in _WORKLOADS else {}
    return dict(found)


def _exists(release: Release, name: str) -> bool:
    return not release.cluster.run("kubectl", "get", name, "--namespace", release.namespace).code


def _check_pods(release: Release, objects: list[Any], record: Record) -> None:
    """Check that the controllers could create every pod and claim: pods pass the namespace's restricted standard."""
    wanted = sum(item["spec"].get("replicas", 1) for item in objects if item["kind"] in _WORKLOADS)
    made = wait_until(lambda: len(release.objects("pods")) >= wanted or bool(release.refusals()), timeout_s=60)
    record.check(
        f"{wanted} pod(s) created under the restricted standard", made and not release.refusals(), release.refusals()
    )


def _upgrade_and_roll_back(release: Release, chart: Path, record: Record) -> None:
    before = _templates(release)
    changed = release.helm("upgrade", chart, *_CHANGE)
    record.check("helm upgrade with changed values", not changed.code, changed.said)
    record.check("the workload has the change", _templates(release) != before)
    back = release.command("rollback", "1")
    record.check("helm rollback", not back.code, back.said)
    record.check("the workload is as it was", _templates(release) == before)


def _templates(release: Release) -> list[Any]:
    return [item["spec"]["template"] for item in release.objects("statefulsets,deployments")]


def _uninstall(release: Release, record: Record) -> str:
    gone = release.command("uninstall")
    record.check("helm uninstall", not gone.code, gone.said)
    kinds = "statefulsets,deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets"
    custom = "servicemonitors,podmonitors,prometheusrules"

    def left() -> list[str]:
        ours = [*release.objects(kinds), *release.objects(custom), *release.objects("pods")]
        return [name for name in names(ours) if name not in ("ConfigMap/kube-root-ca.crt", "ServiceAccount/default")]

    record.check("nothing but claims is left", wait_until(lambda: not left()), ", ".join(left()))
    return ", ".join(names(release.objects("persistentvolumeclaims"))) or "nothing"
