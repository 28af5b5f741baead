"""A fault: what is done to a running daemon, how often, and where it is listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.suite.scene import Scene

BOTH = ("librdkafka", "kafka-python")
ONE = ("librdkafka",)


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    `disturb` is called once a repeat, while records are written and a daemon runs (unless `starts` is false), and must
    leave a world in which all can be well again. `check` replaces the comparison with an undisturbed run where there is
    none to be had; it returns what was seen.
    """

    name: str
    what: str
    """What is done, for the table."""
    disturb: Callable[[Scene], None]
    repeats: int = 1
    clients: tuple[str, ...] = ONE
    short: str = ""
    """The client with which it is in the part that `make test` runs, once; empty: it is not."""
    starts: bool = True
    own_broker: bool = False
    """Whether it needs a broker that it may stop."""
    proxied: bool = False
    """Whether the daemon reaches its broker through the proxy."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Sections of the configuration that differ; keys of `source` one by one."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of the clients, by client."""
    topic_config: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Scene], None] | None = None
    """Called before anything is written."""
    check: Callable[[Scene], dict[str, Any]] | None = None
    needs: str = ""
    """What is missing here, so that it cannot be run."""
    complete: bool = True
    """Whether everything that was written can be read."""
    rewinds: bool = False
    """Whether durable offsets may go back, with the statistics up to them."""
    exception: str = ""
    """What is not as in an undisturbed run, and why: the exact words of the table."""


FAULTS: dict[str, Fault] = {}
"""All of them by name, in the order of the table."""


def register(fault: Fault) -> None:
    """Take a fault into the table; names are used once."""
    assert fault.name not in FAULTS, fault.name
    FAULTS[fault.name] = fault
