"""The command behind `make kube`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.kube import page, versions
from tests.kube.cluster import Cluster, running
from tests.kube.life import Lived, live, upgrade_from
from tests.kube.record import Record
from tests.kube.refusals import refuse
from tests.kube.release import Release
from tests.kube.resize import resize

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Lead the chart through its life with the values of every `ci/` file; return 1 where a check failed."""
    options = _options()
    # As an exception, so that no server outlives its run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chart: Path = options.chart.resolve()
    programs = Path(os.environ.get("DRIFTLINE_KUBE", ROOT / ".cache/kube"))
    record = Record()
    with tempfile.TemporaryDirectory(prefix="driftline-kube-") as name:
        home = Path(name)
        before = versions.previous(chart, home / "previous", options.previous)
        with running(programs / "bin", ROOT / ".cache/helm", home) as cluster:
            _install_crds(cluster, ROOT / ".cache/custom-resources", record)
            files = [file for file in sorted(chart.glob("ci/*-values.yaml")) if options.only in file.name]
            lives = _lives(cluster, chart, files, record)
            print(f"from {before.what}", flush=True)
            for file in files:
                upgrade_from(Release(cluster, f"from-{_short(file)}", chart, file), before.chart, record)
            print("a larger claim", flush=True)
            resize(Release(cluster, "resize", chart, chart / options.plain), record)
            print("what must be refused", flush=True)
            refuse(cluster, chart, chart / options.monitoring, home, record)
            if options.docs:
                page.write(ROOT / "docs/explanation/kube-apiserver.md", page.block(cluster, lives, before.what, record))
    print(f"{record.passed} checks passed, {len(record.failed)} failed", *record.failed, sep="\n")
    return int(bool(record.failed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kube")
    parser.add_argument("--chart", type=Path, default=ROOT / "helm/driftline")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the ci files with this in their names")
    parser.add_argument("--plain", default="ci/default-values.yaml", help="a file of values with a StatefulSet")
    parser.add_argument("--monitoring", default="ci/servicemonitor-values.yaml", help="one with a ServiceMonitor")
    parser.add_argument("--previous", metavar="REF", help="upgrade from the chart of this commit")
    parser.add_argument("--docs", action="store_true", help="write the record into docs/explanation/kube-apiserver.md")
    return parser.parse_args()


def _install_crds(cluster: Cluster, crds: Path, record: Record) -> None:
    for kind in ("servicemonitors", "podmonitors", "prometheusrules"):
        file = crds / f"monitoring.coreos.com_{kind}.yaml"
        applied = cluster.run("kubectl", "apply", "--server-side", "-f", str(file))
        record.check(f"CRD {kind}", not applied.code, applied.said)
    cluster.run("kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def _lives(cluster: Cluster, chart: Path, files: Sequence[Path], record: Record) -> list[Lived]:
    lives = []
    for file in files:
        print(file.name, flush=True)
        lives.append(live(Release(cluster, f"ci-{_short(file)}", chart, file), record))
    return lives


def _short(file: Path) -> str:
    return file.name.removesuffix("-values.yaml")


if __name__ == "__main__":
    sys.exit(main())
