"""Tries what a configuration talks to, without sending anything: brokers, topics, schema registry, sinks."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from monitor.cli.output import plural
from monitor.clock import SystemClock
from monitor.config.tree import Config
from monitor.errors import Retryable, SurroundingsError
from monitor.sink_building import build_sink, cluster_of
from monitor.sinks import KafkaSinkSpec
from monitor.sources import KafkaSpec, PartitionedSource
from monitor.sources.letters import open_letter_box
from monitor.types import Assigned

_TIMEOUT_S = 5.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried, and what came of it, with the remedy where it failed."""

    what: str
    ok: bool
    detail: str

    @property
    def text(self) -> str:
        """The attempt as one line."""
        return f"{self.what}: {self.detail}"


def attempts(config: Config) -> list[Attempt]:
    """Return what came of trying the source, the schema registry and every sink, one after the other."""
    tried = [_source(config), *_registry(config)]
    for spec in config.sinks:
        tried += _sink(spec, config)
    return tried


def _source(config: Config) -> Attempt:
    what = f"source {config.source.kind}"
    try:
        source = config.source.build(SystemClock())
    except (SurroundingsError, Retryable) as error:
        return Attempt(what, ok=False, detail=str(error))
    try:
        return Attempt(what, ok=True, detail=_seen(config, source))
    except (SurroundingsError, Retryable) as error:
        return Attempt(what, ok=False, detail=str(error))
    finally:
        source.close()


def _seen(config: Config, source: PartitionedSource) -> str:
    """Return what the source has. A group is not joined: that would take partitions from a running daemon."""
    if isinstance(config.source, KafkaSpec) and config.source.assignment == "group":
        return f"the brokers answer and have {', '.join(config.source.topics)}; the group was not joined"
    partitions: Counter[str] = Counter()
    for event in source.poll(frozenset(), _TIMEOUT_S):
        if isinstance(event, Assigned):
            partitions.update(partition.topic for partition in event.partitions)
    return ", ".join(f"{topic} with {plural(n, 'partition')}" for topic, n in sorted(partitions.items()))


def _registry(config: Config) -> list[Attempt]:
    """Try the schema registry, where there is one, by asking for what its topics' values are registered as."""
    spec = getattr(config.decoder, "schema_registry", None)
    if spec is None:
        return []
    what = f"schema registry {spec.url}"
    topics = config.source.topics if isinstance(config.source, KafkaSpec) else ()
    try:
        registry = spec.build()
        found = {f"{topic}-value": registry.latest(f"{topic}-value") for topic in topics or ("",)}
    except (SurroundingsError, Retryable) as error:
        detail = str(error).removeprefix(f"{what}: ")
        return [Attempt(what, ok=False, detail=f"{detail}; check the URL, the credentials and the network")]
    told = [
        f"{subject} is {schema.type} with id {schema.id}" if schema else f"{subject} is no subject of it"
        for subject, schema in found.items()
        if subject != "-value"
    ]
    return [Attempt(what, ok=True, detail=", ".join(["answers", *told]))]


def _sink(spec: Any, config: Config) -> list[Attempt]:
    what = f"sink {spec.name}"
    try:
        build_sink(spec, config.source, SystemClock()).close()
        if isinstance(spec, KafkaSinkSpec):
            open_letter_box(spec.topic, cluster_of(spec, config.source)).close()
    except SurroundingsError as error:
        return [Attempt(what, ok=False, detail=str(error))]
    if isinstance(spec, KafkaSinkSpec):
        return [Attempt(what, ok=True, detail=f"a producer for {spec.topic} was built (nothing was sent)")]
    addresses = _addresses(spec)
    return [_reach(what, host, port) for host, port in addresses] or [Attempt(what, ok=True, detail="built")]


def _addresses(spec: Any) -> list[tuple[str, int]]:
    """Return host and port of every URL the sink has; the rest of a URL may be secret."""
    urls = [*getattr(spec, "urls", ()), *([spec.url] if getattr(spec, "url", None) else [])]
    found = []
    for url in urls:
        parts = urlsplit(url.get_secret_value() if isinstance(url, SecretStr) else url)
        if parts.scheme not in _PORTS:  # one of Apprise's, whose host may be part of a password
            continue
        found.append((parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)))
    return found


def _reach(what: str, host: str, port: int) -> Attempt:
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        return Attempt(
            what, ok=False, detail=f"{host}:{port} cannot be reached ({reason}); check the URL and the network"
        )
    return Attempt(what, ok=True, detail=f"{host}:{port} accepts connections (nothing was sent)")
