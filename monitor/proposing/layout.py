"""Lays out YAML with comments: settings on the left, reasons in a column on the right."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from monitor.proposing.scalars import shown

_WIDTH = 120
_COLUMN = 38


class Page:
    """Lines of YAML; what is not active is commented out, and every comment is made safe."""

    def __init__(self) -> None:
        """Begin an empty page."""
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """The page as text."""
        return "\n".join(self._lines) + "\n"

    def add(self, line: str, why: str = "", *, active: bool = True) -> None:
        """Add a line of YAML, with its reason beside it, or above it where it is too long."""
        left = line if active else _commented(line)
        if not why.strip():
            self._lines.append(left)
            return
        column = max(_COLUMN, len(left) + 2)
        comment = _safe(why)
        if column > _COLUMN and column + 2 + len(comment) > _WIDTH:
            indent = " " * (len(line) - len(line.lstrip()))
            self._lines += [f"{indent}# {part}" for part in textwrap.wrap(comment, _WIDTH - 2 - len(indent))]
            self._lines.append(left)
            return
        for part in textwrap.wrap(comment, _WIDTH - 2 - column):
            self._lines.append(f"{left:<{column}}# {part}")
            left = ""

    def remark(self, text: str, indent: int = 0) -> None:
        """Add a comment on lines of its own."""
        pad = " " * indent
        self._lines += [f"{pad}# {part}".rstrip() for part in self._wrapped(text, _WIDTH - 2 - indent)]

    def blank(self) -> None:
        """Add an empty line."""
        self._lines.append("")

    @staticmethod
    def _wrapped(text: str, width: int) -> Iterator[str]:
        for line in text.splitlines():
            yield from textwrap.wrap(_safe(line), width) or [""]


def _commented(line: str) -> str:
    """Return a line commented out in its place."""
    body = line.lstrip()
    return f"{' ' * (len(line) - len(body))}# {body}"


def _safe(text: str) -> str:
    """Return a comment without anything that could end it."""
    return shown(text, 2_000)
