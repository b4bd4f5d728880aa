"""Connections of the web server: closed when the client reads too slowly.

A connection beyond the maximum, in all or of an address, is closed at once, so that descriptors are
left for other requests. A trusted proxy's idle connection is kept for longer than a proxy keeps it:
a request sent on one that is just being closed gets no answer.
The event loop keeps what a client has not taken. Each `LEAST_RATE * WINDOW` bytes, or what waits
for the client, may take `WINDOW` seconds. The system's own buffer is kept small where
that can be set (Linux), since megabytes in it would hide how slow a client is, and is given up
after the same time.
"""

import asyncio
import logging
import socket
from collections import Counter

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from web.http import descriptors
from web.http.request_bodies import LEAST_RATE, WINDOW
from web.security import address
from worker.settings import KIB

HEAD = 30.0  # seconds in which the head of a request must have come
PROXY_IDLE = 130  # seconds; nginx itself closes after 60 by default, Go's (Traefik) 90, Caddy 120
PIECE = 16 * KIB  # bytes handed to the parser at once
SMALL, MOST_SMALL = 64, 1000  # bytes of a small chunk, and how many a body may have
UNSENT = 128 * KIB  # bytes that the system keeps beyond what is on its way

log = logging.getLogger(__name__)


def _limit_buffer(wire: socket.socket) -> None:
    """Keep the system's send buffer small, and close a connection whose client takes nothing."""
    if wire.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    for name, value in (("TCP_NOTSENT_LOWAT", UNSENT), ("TCP_USER_TIMEOUT", int(1000 * WINDOW))):
        if option := getattr(socket, name, None):
            wire.setsockopt(socket.IPPROTO_TCP, option, value)


_of_address: Counter[str] = Counter()  # open connections, but for those of trusted proxies


def _uncount(household: str) -> None:
    _of_address[household] -= 1
    if not _of_address[household]:
        del _of_address[household]


class SmallChunks(Exception):
    """A body comes in chunks of a few bytes, each of which costs its own time."""


class Parser(h11.Connection):
    """h11's, that counts a body's chunks as it finds them; raises `SmallChunks`."""

    _chunks = _bytes = 0  # of the present body

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._bytes += len(event.data)
            if self._chunks > MOST_SMALL and self._bytes < SMALL * self._chunks:
                raise SmallChunks
        return event


class Connection(H11Protocol):
    """A connection that speaks HTTP; while more than 64 KiB wait for the client, it is timed."""

    _household: str | None = None  # whose connection it is, if connections are counted for it
    _clock: asyncio.TimerHandle | None = None  # while something waits for the client
    _head: asyncio.TimerHandle | None = None  # while the head of a request is awaited

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.conn = Parser(h11.SERVER)  # with h11's own limit of a head
        super().connection_made(transport)
        self._count()
        if len(self.connections) > descriptors.connections() or self._is_beyond_share():
            return transport.abort()
        _limit_buffer(transport.get_extra_info("socket"))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._stop_head()
        if self._household is not None:
            _uncount(self._household)
        super().connection_lost(exc)

    def _count(self) -> None:
        """Count the connection for its address."""
        host, _ = self.client or ("", 0)
        self._household = address.household_of_peer(host)
        if self._household is not None:
            _of_address[self._household] += 1
        elif host:
            self.timeout_keep_alive = PROXY_IDLE  # uvicorn's own attribute

    def _is_beyond_share(self) -> bool:
        """Tell whether its address holds more connections than one may."""
        return _of_address[self._household or ""] > descriptors.connections_of_address()

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            super().data_received(data[start : start + PIECE])
            if self.transport.is_closing():
                return
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._stop_head()

    def handle_events(self) -> None:
        try:
            super().handle_events()
        except SmallChunks:
            log.info("a body of very small chunks was given up")
            self.transport.abort()

    def _await_head(self) -> None:
        """Close the connection in `HEAD` seconds unless a whole head has come by then."""
        if self._head is None and not self.transport.is_closing():
            self._head = self.loop.call_later(HEAD, self.transport.abort)

    def _stop_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._stop()
        super().resume_writing()

    def _watch(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._clock = self.loop.call_later(WINDOW, self._look, waiting)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look(self, waited: int) -> None:
        """Give the connection up if too little went since so many bytes waited."""
        if waited - self.transport.get_write_buffer_size() >= LEAST_RATE * WINDOW:
            return self._watch()
        log.info("a client that takes too little of its answer was given up")
        self.transport.abort()
