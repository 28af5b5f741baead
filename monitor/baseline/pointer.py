"""Which version of a baseline is the current one, and the history of that: append-only, safe for many writers."""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monitor.errors import DAMAGE, StoreError

_CURRENT, _HISTORY, _LOCK = "current", "history.jsonl", "lock"
_BACK = "rollback"
_NAME = re.compile(r"[\w-]{1,200}")
"""A version stands in the name of a file, which must not lead out of the directory."""


@dataclass(frozen=True)
class Move:
    """The current version changed: when, from what (None: there was none), to what, by which command, and why."""

    at_ms: int
    previous: str | None
    version: str
    by: str
    reason: str = ""


class Pointer:
    """The pointer of one directory. Readers need no lock: both files are always whole."""

    def __init__(self, path: Path) -> None:
        """Use the directory `path`, which need not exist yet."""
        self._path = path

    def current(self) -> str | None:
        """Return the version in use, None when there is none; raises StoreError for what names no version."""
        try:
            version = self._text(_CURRENT).strip()
        except FileNotFoundError:
            return None
        if version and not _NAME.fullmatch(version):
            raise StoreError(
                f"{self._path / _CURRENT} names no version; write one that `driftline baseline list` shows"
            )
        return version or None

    def move(self, version: str, at_ms: int, by: str, reason: str = "") -> Move | None:
        """Make a version the current one; None where it is already."""
        with self._locked():
            return None if self.current() == version else self._move(version, at_ms, by, reason)

    def back(self, at_ms: int, reason: str = "") -> Move:
        """Return to the version that was current before, and once more to the one before that; raises StoreError."""
        with self._locked():
            trail = self.trail()
            if len(trail) < 2:
                raise StoreError(f"no version was current before in {self._path}; see `driftline baseline list`")
            return self._move(trail[-2], at_ms, _BACK, reason)

    def history(self) -> list[Move]:
        """Return all moves, oldest first; a line that a crash cut off is left out. Raises StoreError on damage."""
        try:
            text = self._text(_HISTORY)
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1]
        return [self._read(line) for line in whole.splitlines()]

    def trail(self) -> list[str]:
        """Return the versions that rollbacks lead back through, the current one last."""
        trail: list[str] = []
        for move in self.history():
            if not trail and move.previous is not None:
                trail.append(move.previous)
            if move.by == _BACK:
                trail = trail[:-1]
            else:
                trail.append(move.version)
        current = self.current()
        if current is not None and (not trail or trail[-1] != current):
            trail.append(current)  # set before there was a history, or by hand
        return trail

    def _text(self, name: str) -> str:
        """Return what a file says; raises StoreError where it is no text."""
        try:
            return (self._path / name).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise StoreError(f"{self._path / name} is damaged ({error}); correct or remove it") from error

    def _move(self, version: str, at_ms: int, by: str, reason: str) -> Move:
        move = Move(at_ms, self.current(), version, by, reason)
        write_whole(self._path / _CURRENT, version + "\n")
        with (self._path / _HISTORY).open("ab") as out:
            out.truncate(_whole_bytes(self._path / _HISTORY))
            out.write(json.dumps(_names(move), separators=(",", ":")).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        return move

    def _read(self, line: str) -> Move:
        try:
            found: dict[str, Any] = json.loads(line)
            return Move(int(found["at_ms"]), found["from"], str(found["to"]), str(found["by"]), str(found["reason"]))
        except DAMAGE as error:
            raise StoreError(f"{self._path / _HISTORY} is damaged ({error}); correct or remove the line") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the directory's lock; it goes with the process, however that ends."""
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / _LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _names(move: Move) -> dict[str, Any]:
    """Return a move as its line has it."""
    values = asdict(move)
    return {"at_ms": values["at_ms"], "from": values["previous"], "to": values["version"]} | {
        name: values[name] for name in ("by", "reason")
    }


def _whole_bytes(file: Path) -> int:
    """Return the size of a file's whole lines: what a crash cut off behind them is to be written over."""
    return file.read_bytes().rfind(b"\n") + 1


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all, and make it last; the aside has the process's own name."""
    aside = file.with_suffix(f"{file.suffix}.{os.getpid()}-{threading.get_ident()}.part")
    with aside.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)
