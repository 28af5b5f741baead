"""The proxy of the fault suite does to bytes what it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.suite.proxy import Proxy, Weather
from tests.support.ports import free_ports

_SOON_S = 30.0


@pytest.fixture
def echo() -> Iterator[int]:
    """Return the port of a server that says everything again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while data := connection.recv(65_536):
                        connection.sendall(data)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    """Return a proxy before it."""
    with Proxy(free_ports(1)[0], echo) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    """Return a connection to the proxy, as soon as it listens."""
    deadline_s = time.monotonic() + _SOON_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", proxy.port), _SOON_S)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)


def welcome(proxy: Proxy) -> bool:
    """Return whether a new connection is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", proxy.port)) == 0


def said_again(connection: socket.socket, data: bytes) -> bool:
    """Return whether what is sent comes back whole."""
    connection.sendall(data)
    found = b""
    while len(found) < len(data):
        found += connection.recv(65_536)
    return found == data


def test_in_calm_weather_everything_arrives(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert said_again(connection, b"x" * 300_000)


def test_what_is_dropped_is_reset_and_others_are_welcome(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert said_again(connection, b"before")
        proxy.drop()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with connect(proxy) as another:
        assert said_again(another, b"after")


def test_what_is_cut_refuses_until_it_clears_up(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert said_again(connection, b"before")
        proxy.turn(Weather(refuse=True))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    deadline_s = time.monotonic() + _SOON_S
    while welcome(proxy):
        assert time.monotonic() < deadline_s
    proxy.turn()
    with connect(proxy) as another:
        assert said_again(another, b"after")


def test_half_open_connections_stay_silent_and_are_reset_when_it_clears_up(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        proxy.turn(Weather(swallow=True))
        connection.sendall(b"into the void")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(_SOON_S)
        proxy.turn()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


@pytest.mark.parametrize("weather", [Weather(delay_s=0.2), Weather(bytes_per_s=2_000)], ids=["delay", "slow"])
def test_bytes_take_at_least_the_time_that_they_are_given(proxy: Proxy, weather: Weather) -> None:
    with connect(proxy) as connection:
        assert said_again(connection, b"x")
        proxy.turn(weather)
        began_s = time.monotonic()
        assert said_again(connection, b"y" * 500)
        assert time.monotonic() - began_s >= 0.2
