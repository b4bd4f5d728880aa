"""A text with a NUL, which PostgreSQL keeps in no column, wherever a client can put one."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import BaseModel

from tests.parts import Setting
from web import app

SECRET = "a secret of the admin's"
NUL = "a\0b"
SKIPPED = {"HEAD", "OPTIONS", "TRACE"}
Asked = tuple[str, str, dict[str, str], dict[str, str] | None]


def _routes(found: Sequence[Any]) -> Iterator[APIRoute]:
    """Yield the routes of ours, the admin's included."""
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)


def _body(route: APIRoute) -> dict[str, str] | None:
    """Return a body with a NUL in every field that takes a text; None: the route takes no JSON."""
    model = route.body_field.field_info.annotation if route.body_field else None
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    fields = model.model_json_schema().get("properties", {})
    return {name: NUL for name, field in fields.items() if "string" in str(field)}


def _asked(routes: Sequence[Any]) -> Iterator[Asked]:
    """Yield method, path, query and body: a NUL in each path, then in each query in turn."""
    for route in _routes(routes):
        path = re.sub(r"{\w+(:\w+)?}", "a%00b", route.path)
        queries = [{}, *({one.alias: NUL} for one in route.dependant.query_params)]
        for method in sorted((route.methods or set()) - SKIPPED):
            yield from ((method, path, query, _body(route)) for query in queries)


@pytest.fixture
def client(postgres: Path, setting: Setting) -> Iterator[TestClient]:
    setting(admin_secret=SECRET)
    with TestClient(app.without_page(), raise_server_exceptions=False) as made:
        yield made


def test_a_nul_in_a_path_a_query_or_a_body_is_refused(client: TestClient) -> None:
    bad = {}
    asked = list(_asked(client.app.routes))  # type: ignore[attr-defined]
    for method, path, query, body in asked:
        if path.startswith("/api/v1/admin"):  # one of the routes signs out
            client.post("/api/v1/admin/session", json={"secret": SECRET}).raise_for_status()
        answer = client.request(method, path, params=query, json=body)
        if answer.status_code >= 500 and path != "/healthz":  # which has no worker here
            bad[method, path, tuple(query)] = answer.status_code
    assert len(asked) > 60
    assert sum("/admin/" in path for _, path, _, _ in asked) > 15
    assert bad == {}
