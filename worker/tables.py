"""Every table of the studio: importing this module registers all of them.

A new module that declares a table is added here; `tests/worker/test_tables.py` says so.
"""

from sqlalchemy import MetaData

from worker.admin import audit
from worker.credentials import keys, people
from worker.gallery import gallery
from worker.jobs import batches, gate, model, receipts
from worker.maintenance import leases
from worker.runner import styles
from worker.storage import deletions, marker, processes
from worker.storage.database import Base
from worker.visitors import blocks, ceilings, limits, previews, uploads
from worker.webhooks import deliveries

MODULES = (
    audit,
    batches,
    blocks,
    ceilings,
    deletions,
    deliveries,
    gallery,
    gate,
    model,
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
