"""Proposing a configuration from records: what `driftline init` infers, why, and how it is written."""

from __future__ import annotations

from monitor.proposing.gathering import Gathered, gather
from monitor.proposing.origin import FileOrigin, Origin, TopicOrigin
from monitor.proposing.proposal import Proposed, propose

__all__ = ["FileOrigin", "Gathered", "Origin", "Proposed", "TopicOrigin", "gather", "propose"]
