"""How many requests with a body are under way, by address and network, and who gives way."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from web.language.problems import HTTPProblem

IN_ALL, OF_ADDRESS, OF_NETWORK = 200, 40, 80  # requests with a body that are under way
PATIENCE = 20.0  # seconds that a request waits for room before it is refused
SOON, LATER = 2.0, 30.0  # seconds after which another try is worth it, at least and at most
LOOK = 1.0  # seconds after which one that waits looks again whom it may displace
RESERVED = 8  # the last eighth of the room is given away by halves
OVERTAKES = 16  # who needs a sixteenth of the room at most need not wait for larger ones


class Busy(HTTPProblem):
    """Too many bodies, or too large ones, are under way."""

    def __init__(self, retry_after: float) -> None:
        headers = {"Retry-After": str(math.ceil(retry_after)), "Connection": "close"}
        super().__init__(503, "request.busy", headers)


class Sender(Protocol):
    """The sender of a body that is under way."""

    def slowness(self) -> float:
        """Return how many times longer than `WHOLE` the body takes; 0 while that is not known."""

    def received(self) -> int | None:
        """Return how many bytes have come; None once all have."""

    def give_way(self, why: HTTPProblem | None = None) -> None: ...


@dataclass(eq=False)
class _Held:
    """A request with a body; its bytes are `counted` from its turn until it ends or gives way."""

    who: str
    size: int
    sender: Sender | None
    network: str
    counted: bool = True

    def received(self) -> int | None:
        return self.sender.received() if self.sender else None

    def slowness(self) -> float:
        return self.sender.slowness() if self.sender else 0.0


@dataclass(eq=False)
class _Waiting:
    """A request that waits for room; `turn` is done when it is counted as under way."""

    asked: _Held
    turn: asyncio.Future[None]


class InFlight:
    """How many requests with a body are under way, and their bytes, in all and by address.

    A request that finds no room waits a while, unread, in the order of arrival. Meanwhile bodies
    that come so slowly that they would take longer than `WHOLE` give way, the slowest first.
    Where `IN_ALL` are under way, one gives way of the network that has the most, unless that is the
    one that asks. `most` returns the bytes that may be under way. For the event loop only.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._requests: list[_Held] = []  # those that wait included
        self._held: list[_Held] = []
        self._line: list[_Waiting] = []
        self._lasts = SOON  # seconds that requests take lately, their waiting included

    @property
    def requests(self) -> int:
        """The requests under way, and those that wait."""
        return len(self._requests)

    @property
    def bytes(self) -> int:
        return sum(held.size for held in self._held)

    def _own_fits(self, asked: _Held) -> bool:
        """Tell whether a network stays within half of what the others leave."""
        own = sum(held.size for held in self._held if held.network == asked.network)
        return not own or own + asked.size <= (self._most() - self.bytes + own) / 2

    def _fits(self, asked: _Held) -> bool:
        """Tell whether a body fits the budget; one larger than all of it may be taken alone.

        Of the last eighth one request takes half at most, so that there is some for small ones.
        """
        most, free = self._most(), self._most() - self.bytes
        return not self._held or asked.size <= max(free - most / RESERVED, free / 2)

    def _let_in(self, one: _Waiting) -> None:
        self._line.remove(one)
        self._held.append(one.asked)
        one.turn.set_result(None)

    def _begin(self) -> None:
        """Let in those that wait while there is room, large ones in the order of arrival.

        A request that waits for others of its own network delays no other network.
        """
        largest = float("inf")
        for one in tuple(self._line):
            if one.asked.size <= largest and self._own_fits(one.asked):
                if self._fits(one.asked):
                    self._let_in(one)
                else:
                    largest = self._most() / OVERTAKES

    def _end(self, held: _Held) -> None:
        """Count a body no longer."""
        if held.counted:
            held.counted = False
            self._held.remove(held)

    def _displace(self, asked: _Held) -> None:
        """Have slow bodies give way to one that waits, as many as it takes."""
        slow = [held for held in self._held if held.slowness() > 1]
        for held in sorted(slow, key=_Held.slowness, reverse=True):
            fits = self._own_fits(asked)
            if fits and self._fits(asked):
                break
            if fits or held.network == asked.network:
                self._end(held)
                assert held.sender is not None
                held.sender.give_way()
        self._begin()

    def _networks(self) -> Counter[str]:
        """Return how many requests each network has under way."""
        return Counter(one.network for one in self._requests)

    def _least(self, asked: _Held) -> _Held | None:
        """Return the request that gives way to one more: of the network that has the most.

        It is the one of which least has come. Where no network has more than the one that asks
        will have, it is the slowest; None if all come in time.
        """
        many = self._networks()
        arriving = [one for one in self._requests if one.received() is not None]
        others = [one for one in arriving if many[one.network] > many[asked.network] + 1]
        slow = [one for one in arriving if one.slowness() > 1]
        if others:
            return min(others, key=lambda one: (-many[one.network], one.received() or 0))
        return max(slow, key=_Held.slowness, default=None)

    def _give_up(self, one: _Held, why: Busy) -> None:
        """End a request in favour of another."""
        self._requests.remove(one)
        for waiting in [each for each in self._line if each.asked is one]:
            self._line.remove(waiting)
            waiting.turn.set_exception(why)
        if one in self._held:
            self._end(one)
        assert one.sender is not None
        one.sender.give_way(why)

    def _count(self, asked: _Held) -> None:
        """Count one more request; raises `Busy`."""
        busy = Busy(min(LATER, self._lasts))
        own = sum(one.who == asked.who for one in self._requests)
        if own >= OF_ADDRESS or self._networks()[asked.network] >= OF_NETWORK:
            raise busy
        if self.requests >= IN_ALL:
            if (one := self._least(asked)) is None:
                raise busy
            self._give_up(one, busy)
        self._requests.append(asked)

    async def _wait(self, asked: _Held) -> None:
        """Count a body as under way once there is room; raises `Busy`."""
        mine = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._line.append(mine)
        self._begin()
        until = time.monotonic() + PATIENCE
        try:
            while not mine.turn.done() and (left := until - time.monotonic()) > 0:
                await asyncio.wait([mine.turn], timeout=min(left, LOOK))
                if not mine.turn.done():
                    self._displace(asked)
        finally:
            if mine in self._line:
                self._line.remove(mine)
                self._begin()
        if not mine.turn.done():
            raise Busy(min(LATER, self._lasts))
        mine.turn.result()  # raises `Busy` if another took its place

    @asynccontextmanager
    async def admitted(
        self, who: str, size: int, sender: Sender | None = None, network: str = ""
    ) -> AsyncIterator[None]:
        """Count a request of so many bytes from an address while it is under way.

        `network`: what the address is part of, if anything larger. Raises `Busy`.
        """
        begun, asked = time.monotonic(), _Held(who, size, sender, network or who)
        self._count(asked)
        try:
            await self._wait(asked)
            try:
                yield
            finally:
                self._end(asked)
                self._begin()
        finally:
            if asked in self._requests:
                self._requests.remove(asked)
            self._lasts += (max(SOON, time.monotonic() - begun) - self._lasts) / 4
