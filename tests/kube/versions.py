"""The chart's version before this one, to upgrade from."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_VERSION = re.compile(r"^version: *(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Previous:
    """A chart to upgrade from, and what it is."""

    chart: Path
    what: str


def previous(chart: Path, to: Path, commit: str | None) -> Previous:
    """Return the chart of a commit, or the newest that had another version, or else this one under a lower version.

    The last is for a chart that has had only one version: it shows that no version is part of an immutable field.
    """
    root = Path(_git(chart, "rev-parse", "--show-toplevel").strip())
    inside = chart.relative_to(root)
    version = _version((chart / "Chart.yaml").read_text())
    candidates = [commit] if commit else _git(root, "log", "--format=%h", "--", f"{inside}/Chart.yaml").split()
    for candidate in candidates:
        was = _version(_git(root, "show", f"{candidate}:{inside}/Chart.yaml"))
        if commit or was != version:
            to.mkdir(parents=True)
            archive = subprocess.run(
                ["git", "archive", candidate, str(inside)], cwd=root, check=True, capture_output=True
            ).stdout
            subprocess.run(["tar", "-x", "-C", str(to)], input=archive, check=True)
            return Previous(to / inside, f"version {was} of commit {candidate}")
    shutil.copytree(chart, to)
    described = (to / "Chart.yaml").read_text()
    (to / "Chart.yaml").write_text(_VERSION.sub("version: 0.0.1", described))
    return Previous(to, f"the same templates under version 0.0.1, for there has been no version but {version}")


def _version(described: str) -> str:
    found = _VERSION.search(described)
    if found is None:
        raise ValueError("Chart.yaml has no version")
    return found[1].strip("\"'")


def _git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, text=True).stdout
