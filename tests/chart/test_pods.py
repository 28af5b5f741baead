"""What runs: nothing that a security team refuses, every secret by reference, one process over one store."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.helm import ci_files, ci_values, config_in, container, only, pods, rendered, workload

EVERY = pytest.mark.parametrize("name", ci_files())
OURS = {"driftline", "check-config", "build-baseline", "fetch-baseline", "connect", "answer"}


@EVERY
def test_every_pod_passes_the_restricted_standard(name):
    """As https://kubernetes.io/docs/concepts/security/pod-security-standards/ has it, and the root is read-only."""
    for owner, spec in pods(rendered(name)):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), owner
        shared = spec["securityContext"]
        assert shared["runAsNonRoot"] is True
        assert shared.get("runAsUser") != 0
        assert shared["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"sysctls", "seLinuxOptions", "windowsOptions"} & shared.keys()
        assert all(kind_of(volume) in ALLOWED_VOLUMES for volume in spec["volumes"]), owner
        for each in [*spec.get("initContainers", []), *spec["containers"]]:
            own = each["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert "privileged" not in own
            assert not any("hostPort" in port for port in each.get("ports", []))
            if each["name"] in OURS:
                assert own["readOnlyRootFilesystem"] is True


ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def kind_of(volume: dict[str, Any]) -> str:
    (kind,) = volume.keys() - {"name"}
    return kind


def test_the_user_is_that_of_the_image():
    spec = dict(pods(rendered("default")))["t-driftline"]
    assert {spec["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {65532}


def test_openshift_may_choose_the_user():
    spec = dict(pods(rendered("openshift")))["t-driftline"]
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & spec["securityContext"].keys()


@EVERY
def test_no_pod_has_rights_in_the_cluster(name):
    objects = rendered(name)
    assert not any("rbac" in each["apiVersion"] for each in objects)
    wanted = ci_values(name).get("serviceAccount", {}).get("automount", False)
    for owner, spec in pods(objects):
        assert spec["automountServiceAccountToken"] is (wanted and owner == workload(objects)["metadata"]["name"])
        assert spec["enableServiceLinks"] is False


@EVERY
def test_secrets_are_named_and_never_made(name):
    """Every Secret that a pod wants is one that the values name, and none is part of the release."""
    objects = rendered(name)
    assert not any(each["kind"] == "Secret" for each in objects)
    values = ci_values(name)
    named = {
        (each["name"], each["key"])
        for part in ("env", "files")
        for each in values.get("secrets", {}).get(part, {}).values()
    }
    for _, spec in pods(objects):
        for each in [*spec.get("initContainers", []), *spec["containers"]]:
            refs = [v["valueFrom"].get("secretKeyRef") for v in each.get("env", []) if "valueFrom" in v]
            assert {(ref["name"], ref["key"]) for ref in refs if ref} <= named
        for volume in spec["volumes"]:
            sources = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
            assert {(s["name"], item["key"]) for s in sources for item in s["items"]} <= named


def test_secret_files_are_where_the_configuration_reads_them():
    objects = rendered("sasl-tls")
    text = only(objects, "ConfigMap")["data"]["driftline.yaml"]
    (volume,) = [v for v in workload(objects)["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets"]
    files = {item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]}
    assert volume["projected"]["defaultMode"] == 0o440
    assert {path.rsplit("/", 1)[1] for path in re.findall(r"/run/secrets/driftline/[-.\w]+", text)} == files
    for each in ("driftline", "check-config"):
        mounts = {mount["name"]: mount for mount in container(objects, each)["volumeMounts"]}
        assert mounts["secrets"] == {"name": "secrets", "mountPath": "/run/secrets/driftline", "readOnly": True}


@EVERY
def test_every_mount_has_its_volume(name):
    for owner, spec in pods(rendered(name)):
        volumes = [volume["name"] for volume in spec["volumes"]]
        if owner == workload(rendered(name))["metadata"]["name"]:
            claims = workload(rendered(name))["spec"].get("volumeClaimTemplates", [])
            volumes += [claim["metadata"]["name"] for claim in claims]
        assert len(volumes) == len(set(volumes)), owner
        for each in [*spec.get("initContainers", []), *spec["containers"]]:
            mounts = each.get("volumeMounts", [])
            assert {mount["name"] for mount in mounts} <= set(volumes), owner
            assert len({mount["mountPath"] for mount in mounts}) == len(mounts)


@EVERY
def test_the_store_outlives_the_pod_only_in_a_claim(name):
    objects = rendered(name)
    spec = workload(objects)["spec"]
    volumes = {volume["name"]: volume for volume in spec["template"]["spec"]["volumes"]}
    persistence = ci_values(name).get("persistence", {})
    mounted = {mount["name"]: mount["mountPath"] for mount in container(objects)["volumeMounts"]}
    assert mounted["store"] == config_in(objects)["store"]["path"] == persistence.get("mountPath", "/var/lib/driftline")
    if persistence.get("existingClaim"):
        assert volumes["store"]["persistentVolumeClaim"]["claimName"] == persistence["existingClaim"]
    elif workload(objects)["kind"] == "StatefulSet" and persistence.get("enabled", True):
        assert [claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]] == ["store"]
    else:
        assert set(volumes["store"]) == {"name", "emptyDir"}


@EVERY
def test_two_processes_never_judge_one_monitor(name):
    spec = workload(rendered(name))["spec"]
    assert spec["replicas"] == 1
    if workload(rendered(name))["kind"] == "Deployment":
        assert spec["strategy"] == {"type": "Recreate"}
    else:
        headless = [e for e in rendered(name) if e["kind"] == "Service" and e["spec"].get("clusterIP") == "None"]
        assert [each["metadata"]["name"] for each in headless] == [spec["serviceName"]]
