"""Baselines on disk: one immutable file a version, named by its content, and a pointer to the current one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monitor.baseline.model import Baseline
from monitor.baseline.pointer import Move, Pointer, write_whole
from monitor.errors import DAMAGE, StoreError


@dataclass(frozen=True)
class Lineage:
    """Where a baseline came from. Not part of its version: equal content from elsewhere is the same."""

    created_at_ms: int
    source: str
    rows: int
    first_ms: int | None
    last_ms: int | None
    rejects: int = 0
    truncated: bool = False


class BaselineFiles:
    """The directory of one monitor's baselines; files are written aside and renamed, never changed."""

    def __init__(self, path: str | Path) -> None:
        """Use the directory `path`, which need not exist yet."""
        self.path = Path(path)
        self._pointer = Pointer(self.path)

    def save(self, baseline: Baseline, lineage: Lineage, *, by: str = "build", reason: str = "") -> str:
        """Write a version, make it the current one, and return it; an equal one is not written twice."""
        self.path.mkdir(parents=True, exist_ok=True)
        file = self._file(baseline.version)
        if not file.exists():
            write_whole(
                file, json.dumps({"lineage": asdict(lineage), "content": baseline.content}, separators=(",", ":"))
            )
        self._pointer.move(baseline.version, lineage.created_at_ms, by, reason)
        return baseline.version

    def current(self) -> str | None:
        """Return the version in use, None when there is none."""
        return self._pointer.current()

    def promote(self, prefix: str, at_ms: int, reason: str = "") -> Move | None:
        """Make a version the current one; None where it is already. Raises StoreError when there is not one such."""
        return self._pointer.move(self.resolve(prefix), at_ms, "promote", reason)

    def rollback(self, at_ms: int, reason: str = "") -> Move:
        """Make the version that was current before the current one; raises StoreError when there is none."""
        return self._pointer.back(at_ms, reason)

    def before(self) -> str:
        """Return the version that a rollback would lead to; raises StoreError when there is none."""
        trail = self._pointer.trail()
        if len(trail) < 2:
            raise StoreError(f"no version was current before in {self.path}; see `driftline baseline list`")
        return trail[-2]

    def history(self) -> list[Move]:
        """Return how the current version changed, oldest first."""
        return self._pointer.history()

    def versions(self) -> list[tuple[str, Lineage]]:
        """Return all versions with their lineage, oldest first."""
        found = [(file.stem, self._read(file)) for file in self.path.glob("*.json")]
        lineages = [(version, _lineage(data)) for version, data in found]
        return sorted(lineages, key=lambda item: (item[1].created_at_ms, item[0]))

    def resolve(self, prefix: str | None = None) -> str:
        """Return the full version for a prefix, the current one for None; raises StoreError when not one."""
        if prefix is None:
            version = self.current()
            if version is None:
                raise StoreError(f"no baseline in {self.path}; run `driftline baseline build -c FILE --input DATA`")
            return version
        matches = [file.stem for file in self.path.glob("*.json") if file.stem.startswith(prefix)]
        if len(matches) != 1:
            raise StoreError(f"{len(matches)} baselines in {self.path} begin with {prefix!r}; see `baseline list`")
        return matches[0]

    def load(self, prefix: str | None = None) -> tuple[Baseline, Lineage]:
        """Return a version; raises StoreError when it is absent or not what its name says."""
        version = self.resolve(prefix)
        data = self._read(self._file(version))
        baseline = Baseline.of_content(data.get("content", {}))
        if baseline.version != version:
            raise StoreError(f"{self._file(version)} was changed after it was built; build the baseline again")
        return baseline, _lineage(data)

    def _file(self, version: str) -> Path:
        return self.path / f"{version}.json"

    @staticmethod
    def _read(file: Path) -> dict[str, Any]:
        try:
            data = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(f"baseline {file} cannot be read: {error}") from error
        if not isinstance(data, dict):
            raise StoreError(f"baseline {file} is damaged; build it again")
        return data


def _lineage(data: Mapping[str, Any]) -> Lineage:
    try:
        return Lineage(**data["lineage"])
    except DAMAGE as error:
        raise StoreError(f"baseline lineage is damaged: {error}") from error
