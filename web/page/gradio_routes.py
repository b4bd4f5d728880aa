"""Which of Gradio's routes answer: those that a browser with the page open asks for, and no other.

Those under /gradio_api/ stay, and are let through one by one (`web/security/body_limits.py`).
"""

from fastapi import FastAPI
from gradio.routes import App
from starlette.routing import BaseRoute, Mount, Route

from web.security.body_limits import GRADIO

NEEDED = {
    "/",
    "/config",
    "/theme.css",
    "/favicon.ico",
    "/static/{path:path}",
    "/assets/{path:path}",
}


def page_of(app: FastAPI) -> App:
    """Return the page that is mounted in an application."""
    [page] = [
        route.app for route in app.routes if isinstance(route, Mount) and isinstance(route.app, App)
    ]
    return page


def _stays(route: BaseRoute) -> bool:
    return not isinstance(route, Route) or route.path in NEEDED or route.path.startswith(GRADIO)


def close(app: FastAPI) -> None:
    """Let all other routes of Gradio's answer 404: signing in, descriptions, icons, monitoring."""
    routes = page_of(app).router.routes
    routes[:] = filter(_stays, routes)
