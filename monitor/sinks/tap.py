"""Seeing what a sink would send, without sending it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """One request or record as it would leave the process: where to, its headers and its body. Holds secrets."""

    to: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Tap = Callable[[Message], None]
"""Takes messages in the place of the world; a sink that is built with one takes each as delivered."""
