"""A rule of the configuration that is violated, and the remedy that several rules have."""

from __future__ import annotations

from dataclasses import dataclass

BASELINE_REMEDY = (
    "add `baseline: {kind: file, path: DIRECTORY}` and build it with `driftline baseline build -c FILE --input F`"
)


@dataclass(frozen=True)
class Violation:
    """Two parts that disagree: where to look first, what is wrong, and what to do."""

    loc: tuple[str | int, ...]
    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        """Render as `window.pane: message; remedy`."""
        where = ".".join(str(part) for part in self.loc)
        return f"{where}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")
