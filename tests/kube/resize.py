"""What docs/how-to/kubernetes.md says of a larger claim: refused at first, then done while the pod runs on."""

from __future__ import annotations

from tests.kube.record import Record
from tests.kube.release import Release, wait_until

_LARGER = ("--set", "persistence.size=77Gi")


def resize(release: Release, record: Record) -> None:
    """Check that a larger claim is refused, and that the way around it leaves the pod alone."""
    release.make_surroundings()
    release.helm("install")
    wait_until(lambda: bool(release.objects("pods")))
    pods = _pods(release)
    refused = release.helm("upgrade", *_LARGER)
    record.check("refused: a larger claim", bool(refused.code) and "Forbidden" in refused.said, refused.said)
    orphaned = ("kubectl", "delete", "statefulset", "--all", "--cascade=orphan", "--namespace", release.namespace)
    release.cluster.run(*orphaned)
    upgraded = release.helm("upgrade", *_LARGER)
    record.check("upgrade with a larger claim once the StatefulSet is away", not upgraded.code, upgraded.said)
    taken = wait_until(lambda: all(item["metadata"].get("ownerReferences") for item in release.objects("pods")))
    record.check(
        "the pod is the same, and taken over", taken and _pods(release) == pods, f"{pods}, now {_pods(release)}"
    )
    release.undo("uninstall")


def _pods(release: Release) -> list[str]:
    return sorted(item["metadata"]["uid"] for item in release.objects("pods"))
