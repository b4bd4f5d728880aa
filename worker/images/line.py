"""A line of requests in front of a few seats, in which addresses take turns.

A seat that becomes free goes to the address that has the fewest seats and, among those, was
served least recently; within an address to the owner who was served least recently. A request
being served is not interrupted. Counted in one process; used from threads and from the event loop.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Lock

from worker.errors import Refused
from worker.visitor import Visitor

IN_ALL, OF_ADDRESS = 256, 32  # requests that wait
PATIENCE = 90.0  # seconds that a request waits before it is refused
LATER = 10  # seconds after which another try is worth it


class Busy(Refused):
    """Too many requests wait, or one has waited too long; another try helps later."""

    retry_after = LATER  # seconds

    def __init__(self) -> None:
        super().__init__("picture.decoders_busy")


@dataclass(eq=False)
class _Waiting:
    """A request that waits; `turn` is done when it has a seat."""

    who: Visitor
    turn: Future[None] = field(default_factory=Future)


class Line:
    """So many seats, of which one address never has more than `each`."""

    def __init__(self, seats: int, each: int, patience: float = PATIENCE) -> None:
        self._free, self._each, self._patience = seats, each, patience
        self._lock = Lock()
        self._held: Counter[str] = Counter()  # seats by address
        self._waiting: list[_Waiting] = []  # in order of arrival
        self._served: dict[str, int] = {}  # when, by address and by owner, while anybody waits
        self._turns = count(1)

    @property
    def waiting(self) -> int:
        """The requests that wait for a seat."""
        return len(self._waiting)

    def _before(self, one: _Waiting) -> tuple[int, int, int]:
        """Return what a request is ordered by: the least goes first."""
        address, owner = one.who.address, f"owner:{one.who.owner}"
        return self._held[address], self._served.get(address, 0), self._served.get(owner, 0)

    def _seat(self, one: _Waiting) -> None:
        self._waiting.remove(one)
        self._free -= 1
        self._held[one.who.address] += 1
        turn = next(self._turns)
        self._served |= {one.who.address: turn, f"owner:{one.who.owner}": turn}
        one.turn.set_result(None)

    def _fill(self) -> None:
        """Give the free seats to those who are next."""
        while self._free:
            able = [one for one in self._waiting if self._held[one.who.address] < self._each]
            if not able:
                break
            self._seat(min(able, key=self._before))
        if not self._waiting:
            self._served.clear()

    def _enter(self, who: Visitor) -> _Waiting:
        """Get in line; raises `Busy` when it is full."""
        with self._lock:
            own = sum(one.who.address == who.address for one in self._waiting)
            free = IN_ALL - len(self._waiting)
            if own >= OF_ADDRESS or own >= free:  # half of what the others leave
                raise Busy
            one = _Waiting(who)
            self._waiting.append(one)
            self._fill()
        return one

    def _leave(self, one: _Waiting) -> None:
        """Give the seat back, or the place in line."""
        with self._lock:
            if one in self._waiting:
                self._waiting.remove(one)
            else:
                self._free += 1
                self._held -= Counter({one.who.address: 1})  # and drops who is at 0
            self._fill()

    @contextmanager
    def seat(self, who: Visitor) -> Iterator[None]:
        """Have a seat, for which this thread waits its turn; raises `Busy`."""
        one = self._enter(who)
        try:
            try:
                one.turn.result(self._patience)
            except TimeoutError:
                raise Busy from None
            yield
        finally:
            self._leave(one)

    @asynccontextmanager
    async def turn(self, who: Visitor) -> AsyncIterator[None]:
        """Have a seat, for which this task waits its turn; raises `Busy`."""
        one = self._enter(who)
        try:
            await asyncio.wait([asyncio.wrap_future(one.turn)], timeout=self._patience)
            if not one.turn.done():
                raise Busy
            yield
        finally:
            self._leave(one)
