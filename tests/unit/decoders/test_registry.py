"""The schema registry's client: what it asks, what it remembers, and what it makes of bad answers."""

from __future__ import annotations

import ssl

import pytest
from pydantic import ValidationError

from monitor.clock import ManualClock
from monitor.decoders.registry import RegistrySpec
from monitor.errors import Retryable, SurroundingsError
from tests.support.registry import RegistryServer

SCHEMA = {"type": "record", "name": "R", "fields": []}


@pytest.fixture
def server():
    with RegistryServer() as running:
        yield running


def client(server, clock=None, **settings):
    return RegistrySpec(url=server.url, **settings).build(clock or ManualClock())


def test_a_schema_is_found_by_its_id_and_asked_for_once(server):
    schema_id = server.register("s", SCHEMA)
    registry = client(server)
    assert registry.schemas([schema_id])[schema_id].type == "AVRO"
    assert registry.schemas([schema_id])[schema_id].documents == ('{"type": "record", "name": "R", "fields": []}',)
    assert server.asked == [f"/schemas/ids/{schema_id}"]


def test_an_unknown_id_is_left_out_and_asked_for_again_after_a_while(server):
    clock = ManualClock()
    registry = client(server, clock, ask_again="1m")
    assert registry.schemas([7]) == {}
    assert registry.schemas([7]) == {}
    assert len(server.asked) == 1
    server.register("s", SCHEMA, id_=7)
    clock.advance(59_000)
    assert registry.schemas([7]) == {}
    clock.advance(1_000)
    assert list(registry.schemas([7])) == [7]
    assert len(server.asked) == 2


def test_garbage_ids_are_not_all_asked_for(server):
    registry = client(server)
    assert registry.schemas(range(1000)) == {}
    assert len(server.asked) == 256


def test_a_registry_that_is_down_is_retryable_with_longer_waits_and_heals(server):
    schema_id = server.register("s", SCHEMA)
    server.failing = 503
    registry = client(server)
    waits = []
    for _ in range(8):
        with pytest.raises(Retryable, match="HTTP 503") as caught:
            registry.schemas([schema_id])
        waits.append(caught.value.retry_after_s)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    server.failing = None
    assert list(registry.schemas([schema_id])) == [schema_id]
    server.failing = 500
    with pytest.raises(Retryable) as caught:
        registry.schemas([99])
    assert caught.value.retry_after_s == 0.5


def test_a_registry_that_says_when_is_asked_then(server):
    server.failing, server.failing_headers = 429, {"Retry-After": "7"}
    with pytest.raises(Retryable) as caught:
        client(server).schemas([1])
    assert caught.value.retry_after_s == 7.0


def test_nobody_at_the_address_is_retryable(server):
    with RegistryServer() as gone:
        url = gone.url
    with pytest.raises(Retryable, match="no answer"):
        RegistrySpec(url=url).build(ManualClock()).schemas([1])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"schema": 3}', b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_schema_is_retryable(server, body):
    server.body = body
    with pytest.raises(Retryable, match="the answer is not"):
        client(server).schemas([1])


def test_a_redirect_is_not_followed(server):
    server.failing, server.failing_headers = 302, {"Location": "http://127.0.0.1:1/elsewhere"}
    with pytest.raises(Retryable, match="HTTP 302"):
        client(server).schemas([1])


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({"username": "u", "password": "p"}, "Basic dTpw"), ({"token": "secret"}, "Bearer secret")],
)
def test_credentials_are_sent_and_their_lack_is_retryable(server, settings, wanted):
    schema_id = server.register("s", SCHEMA)
    server.authorization = wanted
    assert list(client(server, **settings).schemas([schema_id])) == [schema_id]
    with pytest.raises(Retryable, match="HTTP 401"):
        client(server).schemas([schema_id])


def test_secrets_are_in_no_message_and_no_repr(server):
    server.failing = 401
    spec = RegistrySpec(url=server.url, username="u", password="hidden-p")
    with pytest.raises(Retryable) as caught:
        spec.build(ManualClock()).schemas([1])
    assert "hidden-p" not in f"{caught.value}{spec!r}{spec.model_dump_json()}"


def test_the_newest_schema_of_a_subject_is_found(server):
    server.register("a/b c", SCHEMA)
    newest = server.register("a/b c", '"string"', kind="JSON")
    registry = client(server)
    found = registry.latest("a/b c")
    assert (found.id, found.type, found.documents) == (newest, "JSON", ('"string"',))
    assert server.asked == ["/subjects/a%2Fb%20c/versions/latest"]
    assert registry.latest("nobody") is None


def test_what_a_schema_refers_to_comes_before_it(server):
    server.register("x", {"type": "enum", "name": "X", "symbols": ["A"]})
    y_refers = [{"name": "X", "subject": "x", "version": 1}]
    server.register("y", {"type": "record", "name": "Y", "fields": [{"name": "x", "type": "X"}]}, references=y_refers)
    refers = [{"name": "Y", "subject": "y", "version": 1}, *y_refers]
    schema_id = server.register("z", {"type": "record", "name": "Z", "fields": []}, references=refers)
    documents = client(server).schemas([schema_id])[schema_id].documents
    assert [next(name for name in "XYZ" if f'"name": "{name}"' in text) for text in documents] == ["X", "Y", "Z"]


def test_a_schema_that_refers_to_nothing_is_unknown(server):
    schema_id = server.register("z", SCHEMA, references=[{"name": "Y", "subject": "y", "version": 1}])
    assert client(server).schemas([schema_id]) == {}


def test_a_registry_below_a_path_is_asked_there():
    with RegistryServer(prefix="/apis/ccompat/v7") as server:
        schema_id = server.register("s", SCHEMA)
        registry = RegistrySpec(url=server.url + "/").build(ManualClock())
        assert list(registry.schemas([schema_id])) == [schema_id]


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://x"},
        {"url": "http://u:p@x"},
        {"url": "nonsense"},
        {"url": "http://x", "username": "u"},
        {"url": "http://x", "password": "p"},
        {"url": "http://x", "username": "u", "password": "p", "token": "t"},
        {"url": "http://x", "nope": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ValidationError) as caught:
        RegistrySpec(**settings)
    assert "u:p" not in str(caught.value).split("input_value")[0]


def test_an_authority_that_cannot_be_read_is_said_at_start(tmp_path):
    path = tmp_path / "ca.pem"
    with pytest.raises(SurroundingsError, match=r"ca\.pem"):
        RegistrySpec(url="https://x", ca_file=path).build()
    path.write_text("no certificate")
    with pytest.raises(SurroundingsError, match=r"ca\.pem"):
        RegistrySpec(url="https://x", ca_file=path).build()
    assert issubclass(ssl.SSLError, OSError)
