"""What decoding pictures took, charged to the visitor who sent them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from worker.images import decoders
from worker.storage import database
from worker.visitors import rate_limits
from worker.visitors.rate_limits import Visitor

log = logging.getLogger(__name__)


@contextmanager
def paying(visitor: Visitor) -> Iterator[decoders.Account]:
    """Have pictures decoded in the visitor's turn, and charge the visitor for the time it took.

    Yields where that is counted. What was done inside stays done where the database is away by
    then, and costs nothing.
    """
    account = decoders.Account(visitor)
    try:
        with decoders.charged(account):
            yield account
    finally:
        if account.pictures:
            try:
                rate_limits.charge(visitor, rate_limits.decoding(account.seconds))
            except database.AWAY as error:
                log.warning("%d decoded pictures were not charged: %s", account.pictures, error)
