"""A TCP proxy under a test's control: it forwards, delays, slows down, swallows, resets or refuses."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Self

_CHUNK = 65_536
_LOOK_S = 0.05


@dataclass(frozen=True)
class Weather:
    """What happens to bytes on their way; the default is nothing at all."""

    delay_s: float = 0.0
    """Each chunk waits so long before it goes on."""
    bytes_per_s: float = 0.0
    """No more than so many in each direction of each connection; 0: as many as come."""
    swallow: bool = False
    """Connections are accepted and stay open, and nothing that is sent ever arrives (half-open)."""
    refuse: bool = False
    """New connections are refused, and those that exist are reset (cut)."""


CALM = Weather()


@dataclass(eq=False)
class _Link:
    """A connection from a client and the one made for it."""

    client: socket.socket
    server: socket.socket
    spoilt: bool = False
    """Something was swallowed: the streams can never be whole again."""
    broken: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        """End both sides with RST, once the pumps have let go of them."""
        self.broken.set()


class Proxy:
    """Stands at a port of the loopback for another one; a context manager. All methods may be called at any time."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._weather = CALM
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(10)

    @property
    def links(self) -> int:
        """How many connections there are."""
        with self._lock:
            return len(self._links)

    def turn(self, weather: Weather = CALM) -> None:
        """Change the weather; connections of which something was swallowed are reset when it clears up."""
        before, self._weather = self._weather, weather
        if weather.refuse:
            self.drop()
        elif before.swallow and not weather.swallow:
            with self._lock:
                spoilt = [link for link in self._links if link.spoilt]
            for link in spoilt:
                link.reset()

    def drop(self) -> None:
        """Reset every connection; new ones are welcome."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.reset()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads = [one for one in self._threads if one.is_alive()]
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        listener: socket.socket | None = None
        while not self._closing.is_set():
            if self._weather.refuse:
                if listener is not None:
                    listener.close()
                listener = None
                self._closing.wait(_LOOK_S)
                continue
            if listener is None:
                listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
            if not select.select([listener], [], [], _LOOK_S)[0]:
                continue
            client, _ = listener.accept()
            self._start(self._serve, client)
        if listener is not None:
            listener.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            _reset(client)
            return
        link = _Link(client, server)
        with self._lock:
            self._links.add(link)
        back = threading.Thread(target=self._pump, args=(link, server, client), daemon=True)
        back.start()
        self._pump(link, client, server)
        back.join()
        with self._lock:
            self._links.discard(link)
        (_reset if link.broken.is_set() else socket.socket.close)(client)
        server.close()

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket) -> None:
        """Carry bytes one way until either side ends or the link is broken."""
        try:
            while not (link.broken.is_set() or self._closing.is_set()):
                if not select.select([source], [], [], _LOOK_S)[0]:
                    continue
                data = source.recv(_CHUNK)
                if not data:
                    break
                self._carry(link, data, sink)
            if not link.broken.is_set():  # else the end would be told with FIN, and RST come after it
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            link.reset()

    def _carry(self, link: _Link, data: bytes, sink: socket.socket) -> None:
        weather = self._weather
        if weather.swallow or link.spoilt:
            link.spoilt = True
            return
        if weather.delay_s:
            link.broken.wait(weather.delay_s)
        if not weather.bytes_per_s:
            sink.sendall(data)
            return
        piece = max(1, int(weather.bytes_per_s * _LOOK_S))
        for at in range(0, len(data), piece):
            if link.broken.is_set():
                return
            sink.sendall(data[at : at + piece])
            if self._weather.bytes_per_s:
                time.sleep(_LOOK_S)


def _reset(connection: socket.socket) -> None:
    """Close a connection with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
