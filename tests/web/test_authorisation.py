from pathlib import Path

from tests.parts import Setting
from tests.web import authorisation
from tests.web.authorisation import NOTHING_OF_IT, SECRET, Route
from web import app

ADMIN = "/api/v1/admin"
SAID_NO = {"/healthz", "/api/v1/settings", "/api/v1/subject"}


def test_who_may_do_what_is_as_written_down_and_a_stranger_may_nothing(
    studio: Path, setting: Setting
) -> None:
    setting(admin_secret=SECRET)
    table = authorisation.table(app.without_page())
    assert authorisation.FILE.read_text().startswith(authorisation.text(table)), (
        "run make authorisation and look at what changed"
    )

    assert table["private", Route("GET", "/api/v1/jobs")][1] == f"200, {NOTHING_OF_IT}"
    for (state, route), (anonymous, stranger, owner, admin) in table.items():
        where = f"{route} of a {state} job"
        if "/admin" in route.path:
            theirs = anonymous, stranger, owner
            open_to_all = route.path == "/admin" or route == Route("POST", f"{ADMIN}/session")
            assert set(theirs) == {"401"} or open_to_all, where
            assert admin[0] == "2" or "{job_id}" in route.path or open_to_all, where
            continue
        assert admin == anonymous, f"{where}: the admin's cookie is no visitor's"
        if route.path not in SAID_NO:  # no worker; no settings, no subject
            assert owner < "5", where
            assert owner != "422", f"{where} needs a body"
        assert anonymous == stranger, where
        assert "DELETED" not in stranger, where
        if any(
            one in route.path
            for one in ("/jobs/{job_id}", "{batch_id}", "{preview_id}", "{upload_id}")
        ):
            assert stranger == "404", where
        elif "{job_id}" in route.path or "api/v1/share/" in route.path:
            assert state != "private" or stranger in {"404", "410"}, where
        elif state == "private":
            assert stranger != "200", where  # NOTHING_OF_IT
        if route.method in {"PUT", "PATCH", "DELETE"} and "{" in route.path:
            assert stranger == "404", where


def test_what_answers_of_gradios_routes_is_as_written_down(studio: Path) -> None:
    found = authorisation.gradio_routes(app.create())
    assert authorisation.gradio_text(found) in authorisation.FILE.read_text(), (
        "run make authorisation and look at what changed"
    )
    assert 8 < len(found) < 20


# What is no visitor's in particular: the page's words, which networks there are, given settings.
OPEN = {"speak", "networks", "reuse"}


def test_what_the_pages_events_do_for_whom_is_as_written_down(studio: Path) -> None:
    found = authorisation.events(app.create())
    assert authorisation.FILE.read_text().endswith(authorisation.events_text(found)), (
        "run make authorisation and look at what changed"
    )
    for (name, _), (anonymous, stranger, owner, admin) in found.items():
        assert owner == "answered", name
        assert {anonymous, stranger, admin} == {"answered" if name in OPEN else "refused"}, name
