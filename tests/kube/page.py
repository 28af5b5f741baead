"""The generated part of docs/explanation/kube-apiserver.md."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

from tests.kube.cluster import Cluster
from tests.kube.life import Lived
from tests.kube.record import Record

_BEGIN = "<!-- Written by `make kube KUBE_ARGS=--docs`. -->"
_END = "<!-- End of what is written. -->"
_WIDTH = 1200


def block(cluster: Cluster, lives: Sequence[Lived], before: str, record: Record) -> str:
    """Return the record of a run as Markdown: versions, a row for each file of values, and what was refused how."""
    today = dt.datetime.now(dt.UTC).date()
    lines = [
        f"Run on {today}: {', '.join(_versions(cluster))}. {record.passed} checks passed, {len(record.failed)} failed.",
        "",
        "| Values | Objects | Pods | Claims | Left after uninstall |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {row.values} | {row.kinds} | {row.pods} | {row.claims} | {row.left} |" for row in lives),
        "",
        f"The upgrade came from {before}.",
        "",
    ]
    for failure in record.failed:
        lines += ["Failed:", "", "```text", failure, "```", ""]
    for what, said in record.kept.items():
        lines += [f"{what[0].upper()}{what[1:]}:", "", "```text", _trimmed(said), "```", ""]
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Put the block between its two marks.

    Raises:
        ValueError: the page lacks the marks.
    """
    begin, rest = path.read_text().split(_BEGIN)
    path.write_text(f"{begin}{_BEGIN}\n\n{text}\n{_END}{rest.split(_END)[1]}")


def _versions(cluster: Cluster) -> list[str]:
    server = json.loads(cluster.run("kubectl", "get", "--raw", "/version").out)["gitVersion"]
    client = cluster.run("kubectl", "version", "--client").out.splitlines()[0].split()[-1]
    helm = cluster.run("helm", "version", "--template={{.Version}}").out.strip()
    etcd = cluster.run("etcd", "--version").out.splitlines()[0].split()[-1]
    return [
        f"kube-apiserver and kube-controller-manager {server}",
        f"etcd {etcd}",
        f"kubectl {client}",
        f"helm {helm}",
    ]


def _trimmed(said: str) -> str:
    return said if len(said) <= _WIDTH else f"{said[:_WIDTH]} …"
