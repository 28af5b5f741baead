"""A real schema registry: Apicurio (one JVM, in memory) with the interface that Confluent's clients speak."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import loopback
from tests.support.kafka import ROOT
from tests.support.ports import free_ports

VERSION = "2.6.13.Final"
DIRECTORY = ROOT / ".cache/apicurio" / VERSION
_START_S = 150.0


class Apicurio:
    """A registry on a free port of the loopback; what is registered is gone when it stops."""

    def __init__(self, directory: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        self._log = (directory / "apicurio.log").open("wb")
        settings = [f"-Dquarkus.http.port={port}", "-Dquarkus.http.host=127.0.0.1"]
        jar = DIRECTORY / f"apicurio-registry-app-{VERSION}-runner.jar"
        self._process = subprocess.Popen(
            ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", *settings, "-jar", jar],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def await_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                loopback.get(f"{self.url}/subjects", timeout=60.0).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("Apicurio does not start")

    def register(self, subject: str, schema: Any, *, kind: str = "AVRO", references: Sequence[Any] = ()) -> int:
        """Add the next version of a subject and return its schema's id."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        body = {"schema": text, "schemaType": kind, "references": list(references)}
        answer = loopback.post(f"{self.url}/subjects/{subject}/versions", json=body, timeout=60.0).raise_for_status()
        return int(answer.json()["id"])

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._log.close()


@pytest.fixture(scope="module")
def apicurio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    """A registry of a module's own; skipped without it, but a failure in CI."""
    if shutil.which("java") is None or not DIRECTORY.is_dir():
        lacking = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        lacking("no real schema registry: it takes Java 17 and `make test-setup`")
    registry = Apicurio(tmp_path_factory.mktemp("apicurio"))
    try:
        registry.await_ready()
        yield registry
    finally:
        registry.stop()
