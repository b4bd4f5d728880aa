"""The gallery's API: lists, one entry, reports, share links, downloads; calls `worker.gallery`."""

from fastapi import APIRouter

from web.api.gallery import (
    archives,
    entry,
    history,
    lists,
    reports,
    settings,
    share_links,
    taught,
)
from web.api.gallery import bin as binned

router = APIRouter()
for part in (lists, archives, entry, history, binned, reports, share_links, settings, taught):
    router.include_router(part.router)
