"""What happened, told once each: read off successive snapshots, for the screen and for logs without a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.demo.shop import FAULT
from monitor.snapshot import Snapshot


@dataclass
class Journal:
    """The events of the demo in the order in which they were seen."""

    lines: list[tuple[float, str, str]] = field(default_factory=list)
    fired: int = 0
    resolved: int = 0
    _firing: dict[tuple[str, str], str] = field(default_factory=dict)
    _faulty: bool = False

    def see(self, elapsed_s: float, snapshot: Snapshot, *, faulty: bool) -> list[tuple[float, str, str]]:
        """Compare with what was seen before; return the new lines as (seconds, kind, text)."""
        before = len(self.lines)
        if faulty != self._faulty:
            self._faulty = faulty
            text = f"FAULT: {FAULT}" if faulty else "HEALED: the release was rolled back"
            self.lines.append((elapsed_s, "fault" if faulty else "healed", text))
        now = {(a.fingerprint, a.severity): _words(a.labels, a.annotations.get("summary", "")) for a in snapshot.alerts}
        for key, words in now.items():
            if key not in self._firing:
                self.fired += 1
                self.lines.append((elapsed_s, "firing", f"ALERT FIRING ({key[1]}): {words}"))
        for key, words in self._firing.items():
            if key not in now:
                self.resolved += 1
                self.lines.append((elapsed_s, "resolved", f"ALERT RESOLVED ({key[1]}): {words}"))
        self._firing = now
        return self.lines[before:]


def _words(labels: object, summary: str) -> str:
    return summary or str(labels)
