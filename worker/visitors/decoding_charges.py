"""What decoding pictures took, charged to the visitor who sent them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from worker.images import decoders
from worker.storage import database
from worker.visitors import rate_limits
from worker.visitors.rate_limits import Visitor

log = logging.getLogger(__name__)


def _charge(visitor: Visitor, seconds: float, pictures: int) -> None:
    try:
        rate_limits.charge(visitor, rate_limits.decoding(seconds))
    except database.AWAY as error:
        log.warning("%d decoded pictures were not charged: %s", pictures, error)


@contextmanager
def paying(visitor: Visitor) -> Iterator[decoders.Account]:
    """Have pictures decoded in the visitor's turn, and charge the visitor for the time it took.

    Yields where that is counted. A batch is charged between its pictures too (`decoders.settle`).
    What was done inside stays done where the database is away by then, and costs nothing.
    """
    account = decoders.Account(visitor, partial(_charge, visitor))
    try:
        with decoders.charged(account):
            yield account
    finally:
        account.settle()
