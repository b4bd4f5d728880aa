"""Every table of the studio: importing this module registers all of them.

A new module that declares a table is added here; `tests/worker/test_tables.py` says so.
"""

from sqlalchemy import MetaData

from worker import (
    audit,
    batches,
    blocks,
    ceilings,
    deletions,
    deliveries,
    gallery,
    gate,
    jobs,
    keys,
    leases,
    limits,
    marker,
    people,
    previews,
    processes,
    receipts,
    styles,
    uploads,
)
from worker.database import Base

MODULES = (
    audit,
    batches,
    blocks,
    ceilings,
    deletions,
    deliveries,
    gallery,
    gate,
    jobs,
    keys,
    leases,
    limits,
    marker,
    people,
    previews,
    processes,
    receipts,
    styles,
    uploads,
)


def metadata() -> MetaData:
    """Return the tables as the code expects them."""
    return Base.metadata
