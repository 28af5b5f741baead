"""What a decoder needs from elsewhere before it can decode a fetch, asked for while nothing has changed yet."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from monitor.protocols import Decoder
from monitor.types import Fetch


@runtime_checkable
class Preparing(Protocol):
    """A decoder that may have to ask somebody, such as a schema registry."""

    def prepare(self, fetch: Fetch) -> None:
        """Ask for all that `decode` of this fetch needs; raises Retryable, and may be called again."""
        ...


def prepare(decoder: Decoder, fetch: Fetch) -> None:
    """Have a decoder ask for what it needs for a fetch, if it is one that does.

    Whoever folds fetches calls this for each of them first, until it returns: `decode` itself asks nobody, and
    what was not asked for is unknown to it. Raises Retryable.
    """
    if isinstance(decoder, Preparing):
        decoder.prepare(fetch)
