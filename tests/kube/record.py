"""What a run has seen: every check is printed as it is made, and kept."""

from __future__ import annotations

from dataclasses import dataclass, field

_LONGEST = 600


@dataclass
class Record:
    """The checks of a run, and what the servers said where that is worth keeping."""

    failed: list[str] = field(default_factory=list)
    passed: int = 0
    kept: dict[str, str] = field(default_factory=dict)

    def check(self, what: str, ok: bool, said: str = "") -> bool:
        """Note one check; what was said is printed only where it failed."""
        print(f"  {'ok  ' if ok else 'FAIL'} {what}", flush=True)
        if ok:
            self.passed += 1
        else:
            self.failed.append(f"{what}: {said[:_LONGEST]}")
            print(f"       {said[:_LONGEST]}", flush=True)
        return ok

    def keep(self, name: str, said: str) -> None:
        """Keep an answer's wording for the page."""
        self.kept[name] = said.strip()
