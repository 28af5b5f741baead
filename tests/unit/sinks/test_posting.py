"""What an HTTP answer means for the outbox."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest

from monitor.errors import Retryable
from monitor.sinks.posting import open_client, post
from tests.support.receiver import Receiver, Reply, always

NOW_MS = 1_700_000_000_000


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    opened = open_client(timeout_ms=300, ca_file=None, headers={})
    yield opened
    opened.close()


def send(client: httpx.Client, receiver: Receiver) -> int:
    return post(client, receiver.url, b"{}", headers={}, now_ms=NOW_MS).status


@pytest.mark.parametrize("status", [200, 202, 400, 404, 413])
def test_yes_and_no_are_answers(client: httpx.Client, status: int) -> None:
    with Receiver(always(status)) as receiver:
        assert send(client, receiver) == status


@pytest.mark.parametrize("status", [302, 408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(client: httpx.Client, status: int) -> None:
    with Receiver(always(status, Location="/elsewhere")) as receiver:
        with pytest.raises(Retryable, match=f"HTTP {status}"):
            send(client, receiver)
        assert len(receiver.requests) == 1


def test_silence_is_tried_again(client: httpx.Client) -> None:
    with Receiver(lambda _: Reply(hang=True)) as receiver, pytest.raises(Retryable, match="ReadTimeout"):
        send(client, receiver)


def test_nobody_there_is_tried_again_and_the_url_is_not_quoted(client: httpx.Client) -> None:
    with Receiver() as receiver:
        gone = receiver.url
    with pytest.raises(Retryable, match=r"^no answer \(ConnectError\)$"):
        post(client, f"{gone}/hunter2", b"{}", headers={}, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("17", 17.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60.0),
        ("Tue, 14 Nov 2000 22:14:20 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(client: httpx.Client, header: str, wait_s: float | None) -> None:
    with Receiver(always(503, Retry_After=header)) as receiver, pytest.raises(Retryable) as caught:
        send(client, receiver)
    assert caught.value.retry_after_s == wait_s


def test_no_more_than_the_beginning_of_an_answer_is_read(client: httpx.Client) -> None:
    with Receiver(lambda _: Reply(400, b"x" * 5_000_000)) as receiver:
        assert post(client, receiver.url, b"{}", headers={}, now_ms=NOW_MS).text == "x" * 200


def test_urls_are_not_logged(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), Receiver() as receiver:
        post(client, f"{receiver.url}/hunter2", b"{}", headers={}, now_ms=NOW_MS)
    assert "hunter2" not in caplog.text
