"""Requests whose pictures are decoded or encoded: they take turns by address, and the time counts.

It is usage of the visitor's.
"""

from collections.abc import Awaitable, Callable
from time import thread_time
from typing import ParamSpec, TypeVar

from anyio.to_thread import run_sync

from worker.images.line import Line
from worker.visitors import decoding_charges
from worker.visitors.rate_limits import Visitor

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE, EACH = 4, 2  # requests in all and of one address; each takes up to 100 MB
BATCHES, BATCHES_EACH = 2, 1  # of those, batches in all and of one address: they take minutes
ENCODED, EACH_ENCODED = 2, 1  # downloads in all and of one address; a decoded picture takes memory

line = Line(AT_ONCE, EACH)
encoding = Line(ENCODED, EACH_ENCODED)
batches = Line(BATCHES, BATCHES_EACH)


async def run(visitor: Visitor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what the work makes, in a thread, when it is the visitor's turn.

    Raises what it raises, and `worker.images.line.Busy`.
    """

    def paid() -> T:
        with decoding_charges.paying(visitor):
            return work(*args, **kwargs)

    async with line.turn(visitor):
        return await run_sync(paid)


async def encode(
    visitor: Visitor, left: Callable[[], Awaitable[bool]], work: Callable[[], T]
) -> T | None:
    """Return what the work makes, as `run` does; the processor's time in this process counts.

    `left` tells whether the client left. None: it did while it waited, and nothing was made.
    """

    def paid() -> T:
        with decoding_charges.paying(visitor) as account:
            begun = thread_time()
            try:
                return work()
            finally:
                account.add(thread_time() - begun)

    async with encoding.turn(visitor):
        return None if await left() else await run_sync(paid)


async def run_batch(visitor: Visitor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `run`, of a batch: places remain for requests that are none."""
    async with batches.turn(visitor):
        return await run(visitor, work, *args, **kwargs)
