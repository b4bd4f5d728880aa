"""The web application: the API, the health checks and the page as one ASGI application.

Importing this makes no connection; `create` returns the application for uvicorn.
"""

import logging
import mimetypes
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from adain import __version__
from web.api import (
    account,
    api,
    batches,
    events,
    gallery,
    keys,
    openapi,
    previews,
    privacy,
    problem_types,
    recents,
    subject,
    uploads,
    webhooks,
)
from web.http.request_bodies import Bodies
from web.language import problems, texts
from web.operations import admin, health, metrics
from web.page import live, reference, samples, share
from web.samples import collection
from web.security import signin
from web.security.address import Forwarded
from web.security.body_limits import PageOnly
from web.security.cookies import Unquoted
from web.security.headers import SecurityHeaders
from web.security.identity import Identity
from web.security.public_path import PublicPath
from web.security.same_origin import SameOrigin
from web.security.unusable_paths import UnusablePaths
from worker.cookie_secrets import warnings
from worker.settings import settings
from worker.visitors import uploads as kept

ASSETS = Path(__file__).parent / "static"
VIEWS = ("studio", "gallery", "batch", "account")
# of pages without Gradio, or fetched once they are needed
ALONE = {"admin", "engine", "live", "previews", "reference", "share"}
STYLES = ("core/tokens", "core/base", *(f"{view}/{view}" for view in VIEWS))  # in order
# relative to the page, which may lie under a path
HEAD = """
<link rel="icon" type="image/svg+xml" href="page/icons/icon.svg">
<link rel="apple-touch-icon" href="page/icons/icon-192.png">
<link rel="manifest" href="page/icons/studio.webmanifest">
<meta name="theme-color" content="#faf9f7" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#141312" media="(prefers-color-scheme: dark)">
"""
TIDY_SECONDS = 600.0

log = logging.getLogger(__name__)
mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("text/javascript", ".js")  # systems differ, and nosniff forgives nothing


async def _tidy_uploads() -> None:
    """Delete uploads past their age, now and from time to time; a failure is tried again."""
    while True:
        try:
            await run_sync(kept.tidy)
        except Exception:
            log.exception("uploads were not tidied")
        await anyio.sleep(TIDY_SECONDS)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tidy_uploads)
        yield
        tasks.cancel_scope.cancel()


def preloads() -> str:
    """Return links that fetch the page's scripts at once, not as they import each other."""
    scripts = sorted(one.relative_to(ASSETS) for one in ASSETS.glob("*/*.js"))
    return "".join(
        f'<link rel="modulepreload" href="page/{script.as_posix()}">'
        for script in scripts
        if script.parent.name not in ALONE
    )


def mount_page(app: FastAPI) -> None:
    # Gradio writes here and has no other setting for it; nothing stays there.
    os.environ["GRADIO_TEMP_DIR"] = str(kept.folder())
    import gradio as gr  # slow to import, and only the page wants it

    from web.page import form, gradio_routes, sessions, theme
    from web.page.calls import CallCheck
    from web.page.link_previews import LinkPreviews

    page = form.page()
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        root_path=settings().public_path or None,
        app_kwargs={"middleware": [Middleware(LinkPreviews), Middleware(CallCheck, page=page)]},
        theme=theme.theme(),
        css_paths=[ASSETS / f"{name}.css" for name in STYLES],
        favicon_path=str(ASSETS / "favicon.png"),
        head=preloads() + HEAD,
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        allowed_paths=[],
    )
    sessions.limit(app)
    gradio_routes.close(app)


def without_page() -> FastAPI:
    """Return the API, the health checks and the pages of ours, without Gradio's."""
    app = FastAPI(
        title="AdaIN Studio",
        version=__version__,
        docs_url=None,  # its scripts come from elsewhere
        redoc_url=None,
        openapi_url=f"{api.PREFIX}/openapi.json",
        description=openapi.TEXT,
        webhooks=webhooks.outgoing,
        lifespan=_lifespan,
    )
    problems.install(app)
    openapi.describe(app)
    # the API's last route takes whatever is left
    parts = (
        admin,
        signin,
        share,
        live,
        reference,
        metrics,
        events,
        webhooks,
        batches,
        previews,
        problem_types,
        recents,
        subject,
        uploads,
    )
    for part in (health, samples, texts, *parts, gallery, privacy, account, keys, api):
        app.include_router(part.router)
    app.mount("/page", GZipMiddleware(StaticFiles(directory=ASSETS)))
    signin.install(app)
    # the last one is outermost
    inner = (Bodies, PageOnly, Identity)
    outer = (SameOrigin, UnusablePaths, SecurityHeaders, Forwarded, PublicPath, Unquoted)
    for middleware in (*inner, *outer):
        app.add_middleware(middleware)
    return app


def create() -> FastAPI:
    """Return the application that the settings describe."""
    for warning in (*warnings(), *collection.here().problems):
        log.warning("%s", warning)
    app = without_page()
    mount_page(app)
    return app
