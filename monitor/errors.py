"""The failures of the surroundings and of the configuration; bad data is never one of these."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a state as if it were whole runs into where it is not: an `inf` for a count, a list for a mapping."""


class DriftlineError(Exception):
    """The root of every error that Driftline raises on purpose."""


class Retryable(DriftlineError):  # noqa: N818 - named for what the caller does with it
    """The surroundings (broker, sink, disk) failed for now; try again after `retry_after_s`."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, delivered: Collection[int] = frozenset()
    ) -> None:
        """Keep the message and, where the other side said so, how long to wait (seconds).

        `delivered`: the positions of the alerts that a sink delivered all the same, and need not be told again.
        """
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.delivered = frozenset(delivered)


class Undeliverable(DriftlineError):  # noqa: N818 - a fact about the notification
    """A sink refused notifications for good; sending the same again cannot help."""

    def __init__(self, message: str, *, positions: Collection[int] | None = None) -> None:
        """Keep the message and the positions of the refused among the delivered alerts; None: not known which."""
        super().__init__(message)
        self.positions = None if positions is None else frozenset(positions)


class SurroundingsError(DriftlineError):
    """Something the daemon needs at start (broker, topic, store lock) cannot be had; exit code 69."""


class StoreError(DriftlineError):
    """The store's content is not one this version can continue from; the message holds the remedy."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration: where it stands, what it is and what to do about it."""

    path: str
    message: str
    line: int | None = None
    value: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        """Render as `line 3, window.size: message (got …); remedy`."""
        where = f"line {self.line}, {self.path}" if self.line is not None else self.path
        got = f" (got {self.value})" if self.value is not None else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}: {self.message}{got}{remedy}"

    def located(self, file: str | None) -> str:
        """Return the problem as `FILE:LINE: PATH: message (got …); remedy`, as editors and people like it."""
        where = file or "configuration"
        if self.line is not None:
            where += f":{self.line}"
        got = f" (got {self.value})" if self.value is not None else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}: {self.path}: {self.message}{got}{remedy}"

    def document(self, file: str | None) -> dict[str, str | int | None]:
        """Return the problem as JSON-able values, for programs."""
        return {
            "file": file,
            "line": self.line,
            "path": self.path,
            "message": self.message,
            "value": self.value,
            "remedy": self.remedy,
            "text": self.located(file),
        }


class ConfigError(DriftlineError):
    """The configuration is refused, with every problem found in it; exit code 78."""

    def __init__(self, problems: list[Problem], *, file: str | None = None) -> None:
        """Keep all problems, in the order of their lines."""
        self.problems = sorted(problems, key=lambda p: (p.line is None, p.line or 0, p.path))
        self.file = file
        head = f"{file}: " if file else ""
        super().__init__("\n".join(f"{head}{problem}" for problem in self.problems))
