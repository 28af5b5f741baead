"""The HTTP settings refuse what cannot be meant."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monitor.web.settings import HttpSpec, split_listen

EVERY = "0.0.0.0"  # noqa: S104 - nothing is bound here


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("0.0.0.0:9108", (EVERY, 9108)),
        (":9108", (EVERY, 9108)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9108", ("::1", 9108)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_an_address_is_host_and_port(listen, address):
    assert split_listen(listen) == address
    assert HttpSpec(listen=listen).address == address


@pytest.mark.parametrize(
    "listen",
    ["", "9108", "host", "host:", "host:port", "host:65536", "::1:9108", "[::1", "[zz]:1", "http://h:1", "a b:1"],
)
def test_anything_else_is_refused(listen):
    with pytest.raises(ValidationError):
        HttpSpec(listen=listen)


@pytest.mark.parametrize("token", ["", "short", " padded-token ", "token\nwith-newline"])
def test_a_token_that_is_no_secret_is_refused_without_being_shown(token):
    with pytest.raises(ValidationError, match="no secret") as refused:
        HttpSpec.model_validate({"token": token})
    assert "at least 8" in str(refused.value)


def test_a_token_never_shows():
    spec = HttpSpec.model_validate({"token": "s3cret-s3cret"})
    assert "s3cret" not in repr(spec)
    assert "s3cret" not in spec.model_dump_json()


def test_a_certificate_needs_its_key_and_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="key_file"):
        HttpSpec.model_validate({"tls": {"cert_file": "a.pem"}})
    with pytest.raises(ValidationError, match="listn"):
        HttpSpec.model_validate({"listn": ":1"})


def test_the_defaults_are_the_promised_ones():
    spec = HttpSpec()
    assert spec.listen == "0.0.0.0:9108"
    assert spec.token is None
    assert spec.tls is None
    assert spec.console
    assert hash(spec) == hash(HttpSpec())
