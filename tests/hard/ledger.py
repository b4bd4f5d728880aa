"""What became of each job in a test with faults: the invariants, and the table of results."""

import io
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from PIL import Image
from sqlalchemy import select, text

from worker import jobs
from worker.jobs import ENDED, Job, Status, queue_position
from worker.maintenance import reclaim, sweep
from worker.storage import blobs, database, disk, marker
from worker.visitors import quota

COUNT = int(os.environ.get("COUNT") or 5)  # faults a row: make test-hard COUNT=60

_ENDED = ", ".join(f"'{status}'" for status in ENDED)
_WITNESS = {
    "sqlite": [
        "CREATE TRIGGER note_end AFTER UPDATE OF status ON jobs "
        f"WHEN NEW.status IN ({_ENDED}) BEGIN INSERT INTO ends VALUES (NEW.id); END"
    ],
    "postgresql": [
        "CREATE FUNCTION note_end() RETURNS trigger AS "
        "'BEGIN INSERT INTO ends VALUES (NEW.id); RETURN NULL; END' LANGUAGE plpgsql",
        "CREATE TRIGGER note_end AFTER UPDATE OF status ON jobs FOR EACH ROW "
        f"WHEN (NEW.status IN ({_ENDED})) EXECUTE FUNCTION note_end()",
    ],
}


@dataclass(frozen=True)
class Row:
    """One kind of fault: how often it was injected, how many by SIGKILL, how jobs ended."""

    fault: str
    times: int
    kills: int
    ends: Counter[str]


ROWS: list[Row] = []


def table() -> Iterator[str]:
    """Yield the lines of the table, in Markdown; a job that broke a law has no row."""
    yield "| fault | times | of them SIGKILL | jobs | done | failed | cancelled |"
    yield "|---|---|---|---|---|---|---|"
    times, kills = (sum(getattr(row, what) for row in ROWS) for what in ("times", "kills"))
    for row in [*ROWS, Row("all", times, kills, sum((row.ends for row in ROWS), Counter()))]:
        ends = " | ".join(str(row.ends[status]) for status in ENDED)
        yield f"| {row.fault} | {row.times} | {row.kills} | {row.ends.total()} | {ends} |"


# ---------------------------------------------------------------- laws


def watch_ends() -> None:
    """Have the database itself record each time a job ends, by a trigger; mark the studio."""
    marker.renew()
    with database.engine().begin() as connection:
        connection.execute(text("CREATE TABLE ends (job_id VARCHAR)"))
        for statement in _WITNESS[connection.dialect.name]:
            connection.execute(text(statement))


def rows() -> list[Job]:
    with database.reading() as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


def check_line() -> None:
    """The places in line are 1, 2, 3 … and as many as jobs wait."""
    waiting = [job for job in rows() if job.status == Status.QUEUED]
    places = queue_position.read([job.id for job in waiting])
    line = list(range(1, len(waiting) + 1))
    assert sorted(one.position for one in places.values()) == line
    assert sorted(map(jobs.position, waiting)) == line
    assert jobs.counts()[Status.QUEUED] == len(waiting)


def _check_pictures(found: list[Job]) -> None:
    """What the rows name is there, nothing else is, and it takes what the rows say."""
    named = set[str]().union(*jobs.named([job.id for job in found]).values())
    assert {key for key, _ in blobs.files()} == named
    taken = sum(disk.rounded_up(len(blobs.get(key))) for key in named)
    assert taken + disk.BLOCK * len(found) == quota.kept()  # a folder each
    for job in found:
        if job.status == Status.DONE:
            with Image.open(io.BytesIO(blobs.get(job.result_key or ""))) as picture:
                picture.load()
                assert picture.size == (job.width, job.height)


def check(accepted: set[str]) -> list[Job]:
    """Every accepted job has ended, once; nothing else is there once the sweep was."""
    with patch.object(reclaim, "ORPHAN_SECONDS", 0.0):  # nothing new is under way
        marker.allow(10_000)  # what died before its row is more than there is otherwise
        assert sweep.tidy() == []
    found = rows()
    assert {job.id for job in found} == accepted
    assert all(job.status in ENDED and job.finished for job in found)
    with database.reading() as session:
        ends = Counter(session.scalars(text("SELECT job_id FROM ends")))
    assert ends == Counter(accepted)
    assert jobs.counts()[Status.QUEUED] == jobs.counts()[Status.RUNNING] == 0
    _check_pictures(found)
    return found


def note(fault: str, times: int, found: list[Job], kills: int = 0) -> None:
    """Write a row of the table."""
    ROWS.append(Row(fault, times, kills, Counter(job.status for job in found)))


@contextmanager
def database_time() -> Iterator[None]:
    """Whatever was noted of the jobs meanwhile bears the database's time."""
    before = database.time()
    yield
    after = database.time()
    for job in rows():
        times = [job.submitted, job.started or before, job.finished or after]
        assert before <= min(times)
        assert max(times) <= after
        assert times == sorted(times)
