"""Every table of the studio: importing this module registers all of them.

A new module that declares a table is added here; `tests/worker/test_tables.py` says so.
"""

from sqlalchemy import MetaData

from worker.admin import audit
from worker.credentials import api_keys, identities
from worker.films import parts
from worker.gallery import model as gallery
from worker.jobs import batches, idempotency, model, service_state
from worker.maintenance import leader
from worker.runner import style_store
from worker.storage import deletions, marker, processes
from worker.storage.database import Base
from worker.visitors import blocks, limit_overrides, previews, rate_limits, uploads
from worker.webhooks import deliveries

MODULES = (
    audit,
    batches,
    blocks,
    limit_overrides,
    deletions,
    deliveries,
    gallery,
    service_state,
    model,
    api_keys,
    leader,
    rate_limits,
    marker,
    identities,
    parts,
    previews,
    processes,
    idempotency,
    style_store,
    uploads,
)


def metadata() -> MetaData:
    """Return the tables as the code expects them."""
    return Base.metadata
