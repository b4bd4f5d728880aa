"""What an API key may not do, as a law over all routes: whatever changes what opens an account."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from tests.parts import picture
from tests.web import authorisation
from tests.web.authorisation import Route
from tests.worker.visitors.test_accounts import OPENS
from web import app
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.credentials import api_keys
from worker.storage import database
from worker.storage.database import Base

USED = {"used"}  # columns that say when a credential was used last, which is no change of it


@dataclass(frozen=True)
class Outcome:
    """What a request did to its sender's account."""

    refused: bool  # as what only a browser may do
    changed_credentials: bool
    deleted_the_account: bool


def _credentials() -> set[tuple[Any, ...]]:
    """Return the rows that give access to those who know them."""
    rows: set[tuple[Any, ...]] = set()
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            if OPENS[table.name]:
                columns = [column for column in table.columns if column.name not in USED]
                rows |= {(table.name, *row) for row in session.execute(select(*columns))}
    return rows


def _outcome(application: FastAPI, route: Route, by_key: bool) -> Outcome:
    """Ask as the owner, by a key or in a browser, and look at what became of the account."""
    job = authorisation.done()
    other = jobs.submit("owner", picture(), [picture()])
    key = api_keys.make("owner", "Mine")
    client = TestClient(application, raise_server_exceptions=False)
    if by_key:
        client.headers["Authorization"] = f"Bearer {key.secret}"
    else:
        client.cookies.set(COOKIE, sign("owner"))
    seen: list[set[tuple[Any, ...]]] = []
    client.event_hooks = {
        "request": [lambda _: seen.append(_credentials())],
        "response": [lambda _: seen.append(_credentials())],
    }
    answer = authorisation.ask(application, route, client, job)
    for one in api_keys.listed("owner"):
        api_keys.revoke("owner", one.id)
    return Outcome(
        answer.status_code == 403 and answer.json()["code"] == "key.browser_only",
        seen[0] != seen[-1],
        other.id not in [one.id for one in jobs.mine("owner", 1000)],
    )


def test_a_key_changes_no_credentials_and_deletes_no_account(studio: Path) -> None:
    """A new route that does either in a browser has to be refused to keys, and written down."""
    application = app.without_page()
    refused = set()
    for route in authorisation.routes(application):
        if route.method == "GET" or "/admin" in route.path:
            continue
        browser = _outcome(application, route, by_key=False)
        program = _outcome(application, route, by_key=True)
        dangerous = browser.changed_credentials or browser.deleted_the_account
        assert not browser.refused, route
        assert program.refused == dangerous, route
        assert not program.changed_credentials, route
        assert not program.deleted_the_account, route
        refused |= {route} if program.refused else set()
    assert Route("POST", "/api/v1/me/keys") in refused
    assert Route("DELETE", "/api/v1/me") in refused
    for route in refused:
        assert f"`{route.method} {route.path}`" in authorisation.HEAD
