from collections.abc import Mapping
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting, picture
from tests.web.authorisation import SECRET, routes
from tests.web.served import begin, finish
from web import app
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.gallery import entries

SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
KINDS = {
    ".js": ("text/javascript", "application/javascript"),  # the second once Gradio drew its page
    ".css": ("text/css",),
    ".png": ("image/png",),
    ".jpg": ("image/jpeg",),
    ".webp": ("image/webp",),
    ".svg": ("image/svg+xml",),
    ".webmanifest": ("application/manifest+json",),
    ".html": ("text/html",),
    ".wasm": ("application/wasm",),
}


@pytest.fixture
def client(studio: Path, setting: Setting) -> TestClient:
    setting(admin_secret=SECRET)
    cookies = {COOKIE: sign("owner")}
    return TestClient(app.without_page(), cookies=cookies, raise_server_exceptions=False)


def rules(headers: object) -> dict[str, str]:
    """Return an answer's policy, by what it is about."""
    reported = headers["content-security-policy"]  # type: ignore[index]
    return dict(rule.split(" ", 1) for rule in reported.split("; "))


class Known(dict[str, str]):
    """Values for the names in routes; one that is not listed gets "none"."""

    def __missing__(self, name: str) -> str:
        return "none"


def places() -> Known:
    job = jobs.submit("owner", picture(), [picture()], options={"size": 64})
    finish(begin())
    entries.share(job.id, "owner")
    return Known(job_id=job.id, kind="photos", name="cat", place="0", size="picture")


def test_every_route_says_that_nothing_from_elsewhere_runs_in_its_answer(
    client: TestClient,
) -> None:
    known, asked = places(), routes(client.app)  # type: ignore[arg-type]
    assert len(asked) > 50
    for route in asked:
        where = f"{route.method} {route.path}"
        answer = client.request(route.method, route.path.format_map(known))
        for name, value in SAFE.items():
            assert answer.headers[name] == value, where
        found = rules(answer.headers)
        assert found["default-src"] == found["frame-ancestors"] == found["base-uri"] == "'none'"
        policy = answer.headers["content-security-policy"].replace("'wasm-unsafe-eval'", "")
        assert "unsafe" not in policy, where
        assert ("camera=()" in answer.headers["permissions-policy"]) == (route.path != "/live"), (
            where
        )
        assert ("cross-origin-embedder-policy" in answer.headers) == (route.path == "/live"), where
        if answer.content:
            assert answer.headers["content-type"], where
        if not (
            route.path.startswith(("/share/", "/gallery/", "/admin"))
            or route.path in ("/api", "/live")
        ):
            assert "script-src" not in found, where


def is_unshared(headers: Mapping[str, str]) -> bool:
    """Tell whether no shared cache may keep an answer."""
    said = headers.get("cache-control", "")
    return "private" in said or "no-store" in said


def test_no_cache_keeps_what_a_visitor_is_answered(client: TestClient) -> None:
    known = places()
    asked = [route for route in routes(client.app) if route.path.startswith("/api/v1/")]  # type: ignore[arg-type]
    assert len(asked) > 50
    for route in asked:
        answer = client.request(route.method, route.path.format_map(known))
        assert is_unshared(answer.headers), f"{route.method} {route.path}"
    for path in ("me", "jobs", "gallery", "bin", "me/keys", "admin/jobs"):
        assert client.get(f"/api/v1/{path}").headers["cache-control"] == "private, no-store", path


def test_no_shared_cache_keeps_an_answer_that_gives_a_cookie(studio: Path) -> None:
    for path in ("/", "/config", "/theme.css", "/texts.js", "/api", "/api/v1/me", "/nothing"):
        with TestClient(app.create()) as newcomer:
            answer = newcomer.get(path)
        assert is_unshared(answer.headers), path
        assert "set-cookie" in answer.headers, path
        if path == "/":  # the same page when one comes back, the studio away or not
            assert answer.headers["cache-control"] == "private, no-cache"


def test_static_files_and_samples_stay_in_caches(client: TestClient) -> None:
    for path in ("/page/icons/icon.svg", "/page/studio/field.js"):
        answer = client.get(path)
        assert "no-store" not in answer.headers.get("cache-control", ""), path
        assert answer.headers["etag"], path
    sample = client.get("/shelf/medium/styles/ink.webp")
    assert sample.headers["cache-control"] == "public, max-age=86400", sample.status_code


def test_every_picture_is_a_picture_and_every_error_is_json(client: TestClient) -> None:
    known = places()
    for what, kind in (
        ("jobs/{job_id}/result", "image/png"),
        ("jobs/{job_id}/thumbnail", "image/jpeg"),
        ("jobs/{job_id}/content", "image/png"),
        ("jobs/{job_id}/styles/0", "image/png"),
        ("gallery/{job_id}/picture", "image/png"),
        ("gallery/{job_id}/thumbnail", "image/jpeg"),
        ("gallery/{job_id}/download?format=jpeg", "image/jpeg"),
    ):
        answer = client.get(f"/api/v1/{what.format_map(known)}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind), what
    download = client.get(f"/api/v1/gallery/{known['job_id']}/download")
    assert download.headers["content-disposition"].startswith("attachment")
    nothing = client.get("/api/v1/jobs/none/result")
    assert nothing.headers["content-type"] == "application/problem+json"


def test_every_file_of_the_pages_is_of_its_kind(client: TestClient) -> None:
    files = [file for file in app.ASSETS.rglob("*") if file.is_file()]
    assert len(files) > 30
    for file in files:
        answer = client.get(f"/page/{file.relative_to(app.ASSETS).as_posix()}")
        assert answer.status_code == 200, file
        assert answer.headers["content-type"].startswith(KINDS[file.suffix]), file


def test_gradios_page_alone_runs_what_stands_in_it(studio: Path) -> None:
    with TestClient(app.create()) as client:
        headers = client.get("/").headers
    assert "'unsafe-inline' 'unsafe-eval'" in rules(headers)["script-src"]
    assert rules(headers)["default-src"] == "'self'"
    assert rules(headers)["frame-ancestors"] == "'none'"
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_studio_on_https_says_that_it_stays_there(client: TestClient, setting: Setting) -> None:
    assert "strict-transport-security" not in client.get("/livez").headers
    setting(public_url="https://studio.example")
    assert "max-age=31536000" in client.get("/livez").headers["strict-transport-security"]
