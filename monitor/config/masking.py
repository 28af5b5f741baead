"""Keeps secrets out of what is said about a configuration."""

from __future__ import annotations

from dataclasses import replace

from monitor.config.document import Document, Loc
from monitor.config.shape import is_secret, leaves
from monitor.errors import Problem

MASK = "***"
_MIN_SCRUBBED = 4
"""Shorter secrets would garble the text around them; they are masked only where they stand alone."""


def is_masked(loc: Loc, steps: Loc, document: Document) -> bool:
    """Return whether the value at `loc` is a secret or came from the environment or a file."""
    return is_secret(steps) or any(loc[:end] in document.outside for end in range(len(loc) + 1))


def scrubbed(problems: list[Problem], document: Document) -> list[Problem]:
    """Return the problems with every secret of the document replaced by `***` in their words and values."""
    texts = {
        value
        for loc, steps, value in leaves(document.value)
        if isinstance(value, str) and len(value) >= _MIN_SCRUBBED and is_masked(loc, steps, document)
    }
    longest_first = sorted(texts, key=len, reverse=True)

    def scrub(text: str | None) -> str | None:
        for secret in longest_first:
            text = text and text.replace(secret, MASK)
        return text

    return [
        replace(each, message=scrub(each.message) or "", value=scrub(each.value), remedy=scrub(each.remedy))
        for each in problems
    ]
