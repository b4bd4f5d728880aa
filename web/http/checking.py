"""Requests whose pictures are decoded: they take turns by address, and the time counts as usage."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio.to_thread import run_sync

from worker.images.line import Line
from worker.visitors import decoding_charges
from worker.visitors.rate_limits import Visitor

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE, EACH = 4, 2  # requests in all and of one address; each takes up to 100 MB

line = Line(AT_ONCE, EACH)


async def run(visitor: Visitor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what the work makes, in a thread, when it is the visitor's turn.

    Raises what it raises, and `worker.images.line.Busy`.
    """

    def paid() -> T:
        with decoding_charges.paying(visitor):
            return work(*args, **kwargs)

    async with line.turn(visitor):
        return await run_sync(paid)
