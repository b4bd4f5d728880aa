from pathlib import Path

from tests.web import authorisation
from tests.web.authorisation import NOTHING_OF_IT, Route
from web import app


def test_who_may_do_what_is_as_written_down_and_a_stranger_may_nothing(studio: Path) -> None:
    table = authorisation.table(app.without_page())
    assert authorisation.text(table) == authorisation.FILE.read_text(), (
        "run python -m tests.web.authorisation and look at what changed"
    )

    assert table["private", Route("GET", "/api/v1/jobs")][1] == f"200, {NOTHING_OF_IT}"
    for (state, route), (nobody, stranger, owner) in table.items():
        where = f"{route} of a {state} job"
        if route.path not in {"/healthz", "/api/v1/settings"}:  # no worker; no settings in it
            assert owner < "5", where
            assert owner != "422", f"{where} needs a body"
        assert nobody == stranger, where
        assert "DELETED" not in stranger, where
        if "/jobs/{job_id}" in route.path or "{batch_id}" in route.path:
            assert stranger == "404", where
        elif "{job_id}" in route.path or "api/v1/share/" in route.path:
            assert state != "private" or stranger in {"404", "410"}, where
        elif state == "private":
            assert stranger != "200", where  # NOTHING_OF_IT
        if route.method in {"PUT", "PATCH", "DELETE"} and "{" in route.path:
            assert stranger == "404", where
