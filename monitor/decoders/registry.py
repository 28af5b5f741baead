"""The client of a schema registry that speaks Confluent's HTTP interface (also Apicurio's and Karapace's)."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote

import httpx
from pydantic import AfterValidator, Field, SecretStr, model_validator

from monitor.clock import Clock, SystemClock
from monitor.errors import Retryable, SurroundingsError
from monitor.spec import DurationMs, Spec
from monitor.urls import check_url

_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"
_MAX_ANSWER_BYTES = 16 * 1024 * 1024
_MAX_DOCUMENTS = 1000
_MAX_DEPTH = 64
"""So many schemas may lie between one and what it refers to in the end."""
_MAX_NEW_IDS = 256
"""So many unknown ids are asked about for one fetch; a topic's records hold a handful, garbage holds any number."""
_MAX_UNKNOWN = 10_000
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_LONGEST_TOLD_S = 300.0
"""Nobody makes us wait longer, whatever their `Retry-After` says."""


Key = tuple[str, str]
"""A subject and a version, by which schemas refer to each other."""


def _checked_url(value: str) -> str:
    """Return the URL without slashes at its end; raises ValueError where it is none."""
    return check_url(value).rstrip("/")


class RegistrySpec(Spec):
    """Where the schemas are and how to be let in: with nothing, `username` and `password`, or a bearer `token`."""

    url: Annotated[str, AfterValidator(_checked_url)]
    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    ca_file: Path | None = Field(None, description="PEM file of the authorities to trust instead of the system's")
    timeout: DurationMs = Field(5_000, ge=100, le=60_000)
    ask_again: DurationMs = Field(
        60_000, description="How long an id that the registry does not know is not asked for."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Refuse half of a user's credentials, and two sorts of them."""
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.token is not None and self.username is not None:
            raise ValueError("either token, or username and password")
        return self

    def build(self, clock: Clock | None = None) -> SchemaRegistry:
        """Return a client; opens no connection yet. Raises SurroundingsError when `ca_file` cannot be used."""
        return SchemaRegistry(self, clock or SystemClock())


@dataclass(frozen=True)
class Registered:
    """A schema as registered: its id, its type in upper case, and its text after those of all that it refers to.

    `names` are what the texts before the last are called by whoever refers to them: imports in Protobuf.
    """

    id: int
    type: str
    documents: tuple[str, ...]
    names: tuple[str, ...] = ()


class SchemaRegistry:
    """Schemas by id, each asked for once: what an id means never changes. Use it from one thread.

    The client does not wait: when the registry does not answer, Retryable says for how long to wait, twice
    as long with each failure in a row up to 30 s, or what `Retry-After` says. Not being let in is Retryable
    too, as the credentials may be mended while the topic waits.
    """

    def __init__(self, spec: RegistrySpec, clock: Clock) -> None:
        """Prepare the client; secrets are taken out of their wrappers here."""
        self._spec = spec
        self._clock = clock
        self._known: dict[int, Registered] = {}
        self._unknown: dict[int, float] = {}
        self._failures = 0
        self._client = _open_client(spec)

    def schemas(self, ids: Iterable[int]) -> Mapping[int, Registered]:
        """Ask for what is new among `ids`; return the known ones' schemas; raises Retryable.

        Of more than 256 ids that were never seen only the first 256 are asked for; the rest are taken as unknown.
        """
        now_s = self._clock.monotonic_s()
        asked = list(ids)
        fresh = [i for i in asked if i not in self._known and self._unknown.get(i, now_s) <= now_s]
        for schema_id in fresh[:_MAX_NEW_IDS]:
            schema = self._by_id(schema_id)
            if schema is not None:
                self._known[schema_id] = schema
                self._unknown.pop(schema_id, None)
                continue
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown[schema_id] = now_s + self._spec.ask_again / 1000
        return self.known(asked)

    def known(self, ids: Iterable[int]) -> Mapping[int, Registered]:
        """Return the schemas of those `ids` that were asked for and found; asks nobody."""
        return {i: self._known[i] for i in ids if i in self._known}

    def latest(self, subject: str) -> Registered | None:
        """Return the newest schema of a subject, None when there is no such subject; raises Retryable."""
        found = self._get("subjects", subject, "versions", "latest")
        return None if found is None else self._registered(found)

    def close(self) -> None:
        """Release the connections; may be called twice."""
        self._client.close()

    def _by_id(self, schema_id: int) -> Registered | None:
        found = self._get("schemas", "ids", str(schema_id))
        return None if found is None else self._registered({**found, "id": schema_id})

    def _registered(self, found: Mapping[str, Any]) -> Registered | None:
        """Return what the registry said, with all that it refers to; None where that is missing."""
        documents: dict[Key, tuple[str, str]] = {}
        if not self._collect(found, documents, ()):
            return None
        kind = str(found.get("schemaType") or "AVRO").upper()
        names, texts = tuple(name for name, _ in documents.values()), tuple(text for _, text in documents.values())
        schema_id = found.get("id", -1)
        if type(schema_id) is not int:
            raise self._failed("the answer is not a schema")
        return Registered(schema_id, kind, (*texts, str(found.get("schema"))), names)

    def _collect(self, found: Mapping[str, Any], documents: dict[Key, tuple[str, str]], way: tuple[Key, ...]) -> bool:
        """Add name and text of all that a schema refers to, each after what it refers to itself; False: one lacks.

        `way` leads to the schema. Registries refuse circles, as a schema can only refer to what is registered
        already; whoever plays a registry may not, and so a circle and what is too far away are lacking.
        """
        references = found.get("references") or ()
        if not isinstance(references, list | tuple):
            raise self._failed("the answer is not a schema")
        for reference in references:
            if not isinstance(reference, dict) or not {"subject", "version"} <= reference.keys():
                raise self._failed("the answer is not a schema")
            key = (str(reference["subject"]), str(reference["version"]))
            if key in documents:
                continue
            if key in way or len(way) >= _MAX_DEPTH or len(documents) >= _MAX_DOCUMENTS:
                return False
            target = self._get("subjects", key[0], "versions", key[1])
            if target is None or sum(len(text) for _, text in documents.values()) > _MAX_ANSWER_BYTES:
                return False
            if not self._collect(target, documents, (*way, key)):
                return False
            documents[key] = str(reference.get("name", "")), str(target.get("schema"))
        return True

    def _get(self, *path: str) -> dict[str, Any] | None:
        """Return the JSON object at a path, None where there is none (404); raises Retryable for anything else."""
        url = httpx.URL(self._spec.url + "/" + "/".join(quote(part, safe="") for part in path))
        try:
            with self._client.stream("GET", url) as response:
                body = _limited(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failed(f"no answer ({type(error).__name__})") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            self._failures = 0
            return None
        if response.status_code != httpx.codes.OK:
            raise self._failed(f"HTTP {response.status_code}", response.headers.get("Retry-After"))
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._failed("the answer is not JSON") from error
        if not isinstance(found, dict) or not isinstance(found.get("schema"), str):
            raise self._failed("the answer is not a schema")
        self._failures = 0
        return found

    def _failed(self, why: str, retry_after: str | None = None) -> Retryable:
        """Return the failure to raise, with how long to wait."""
        wait_s = min(_FIRST_WAIT_S * 2.0 ** min(self._failures, 10), _LONGEST_WAIT_S)
        self._failures += 1
        if retry_after is not None and retry_after.strip().isdecimal():
            wait_s = min(float(retry_after), _LONGEST_TOLD_S)
        return Retryable(f"schema registry {self._spec.url}: {why}", retry_after_s=wait_s)


def _open_client(spec: RegistrySpec) -> httpx.Client:
    """Return a client that follows no redirect, so that credentials stay with the registry."""
    try:
        context = ssl.create_default_context(cafile=None if spec.ca_file is None else str(spec.ca_file))
    except OSError as error:
        raise SurroundingsError(f"ca_file {spec.ca_file} cannot be used: {error}") from error
    headers = {"Accept": _ACCEPT, "Accept-Encoding": "identity", "User-Agent": "driftline"}
    auth = None
    if spec.token is not None:
        headers["Authorization"] = f"Bearer {spec.token.get_secret_value()}"
    elif spec.username is not None and spec.password is not None:
        auth = httpx.BasicAuth(spec.username, spec.password.get_secret_value())
    # A new schema comes once in days: a connection kept until then would be a dead one.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=spec.timeout / 1000, verify=context, headers=headers, auth=auth, limits=limits)


def _limited(response: httpx.Response) -> bytes:
    """Return an answer's body, cut off where no schema is so long.

    Raw: a compressed answer was not asked for, and would be decompressed a chunk at a time, to a gigabyte each.
    """
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _MAX_ANSWER_BYTES:
            break
    return body
