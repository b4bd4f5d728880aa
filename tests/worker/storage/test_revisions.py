"""Tables and a program of different revisions."""

from pathlib import Path
from threading import Thread

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.parts import Setting
from web import app
from worker import jobs
from worker.storage import database, revisions

LOCAL = ("127.0.0.1", 50000)  # an address that sees the details of health checks


def _set_revision(revision: str) -> None:
    with database.engine().begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))


@pytest.fixture
def old(tmp_path: Path, setting: Setting) -> None:
    """A studio whose tables are older than the program."""
    setting(data=tmp_path / "old")
    database.migrate("0013")


def test_tables_of_this_program_need_no_words(either: Path) -> None:
    assert revisions.of_tables() == revisions.of_program()
    assert (revisions.too_old(), revisions.newer()) == ("", "")


def test_program_on_older_tables_is_not_ready_and_says_why(old: None) -> None:
    with TestClient(app.without_page(), client=LOCAL) as client:
        for path in ("/readyz", "/healthz"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "The tables are of revision 0013 and this program needs" in answer.text
            assert "adain-studio migrate" in answer.text
        database.migrate()
        assert client.get("/readyz").status_code == 200


def test_program_without_tables_is_not_ready_and_says_why(studio: Path, setting: Setting) -> None:
    setting(database_url=f"sqlite:///{studio}/new.sqlite3")
    with TestClient(app.without_page(), client=LOCAL) as client:
        assert "The database has no tables yet" in client.get("/readyz").json()["error"]


def test_worker_and_sweep_wait_for_the_tables(old: None) -> None:
    waiting = Thread(target=revisions.wait, args=(0.01,))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    database.migrate()
    waiting.join(60)
    assert not waiting.is_alive()


def test_program_runs_on_tables_of_a_later_one_and_says_so(
    either: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _set_revision("9999")
    database.migrate()
    assert "newer than this program; they stay as they are" in caplog.text
    assert revisions.of_tables() == "9999"
    assert jobs.counts()[jobs.Status.QUEUED] == 0
    revisions.wait()
    with TestClient(app.without_page(), client=LOCAL) as client:
        assert client.get("/readyz").status_code == 200
        [warning] = client.get("/healthz").json()["database"]["warnings"]
    assert "revision 9999, which this program does not know" in warning


def test_database_that_is_away_is_waited_for_elsewhere(studio: Path, setting: Setting) -> None:
    setting(database_url="postgresql://nobody@127.0.0.1:1/none")
    revisions.wait()
