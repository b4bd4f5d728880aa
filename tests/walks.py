"""Random walks through everything that changes a job: all verbs, clocks that jump, faults.

Each walk is up to `STEPS` steps on an empty table; after each step every row is compared with
what it was, and at the end of the walk sound workers finish what is left. A walk that breaks a
law is shortened by Hypothesis and printed; SEED=… walks the same way again.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uuid_utils
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Row, delete, event, select, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from worker import jobs, settings
from worker.errors import Message, Refused
from worker.gallery import bins
from worker.images.images import CleanFile
from worker.jobs import (
    ENDED,
    Hold,
    Job,
    JobNotFound,
    Status,
    batches,
    claims,
    model,
    queue_position,
    service_state,
    submission,
)
from worker.jobs.batches import Batch
from worker.jobs.new_job import NewJob
from worker.maintenance.leader import Leadership
from worker.options import Options
from worker.storage import database
from worker.visitors import accounts

WALKS = int(os.environ.get("WALKS") or 100)
STEPS = int(os.environ.get("STEPS") or 30)
SEED = int(os.environ.get("SEED") or 13)

COUNTED: Counter[str] = Counter()  # walks, steps, jobs, and what became of them

T = TypeVar("T")

_ONCE = 1000.0  # seconds that pass between two rounds of sound workers: longer than any lease
_CHANGES = {
    (Status.QUEUED, Status.RUNNING): {"claim", "join"},
    (Status.QUEUED, Status.CANCELLED): {"cancel", "sweep"},
    (Status.QUEUED, Status.FAILED): {"sweep"},
    (Status.RUNNING, Status.RUNNING): {"claim", "join", "renew", "cancel", "sweep"},
    (Status.RUNNING, Status.QUEUED): {"release", "previous release", "sweep", "requeue"},
    (Status.RUNNING, Status.DONE): {"finish"},
    (Status.RUNNING, Status.FAILED): {"fail", "release", "sweep"},
    (Status.RUNNING, Status.CANCELLED): {"finish", "fail", "stopped", "release", "sweep"},
    (Status.FAILED, Status.QUEUED): {"requeue"},
    (Status.CANCELLED, Status.QUEUED): {"requeue"},
}
_FENCED = {"finish", "fail", "stopped", "release", "previous release"}
_TIMES = (Job.submitted, Job.started, Job.finished, Job.lease_until)
_LOOKED_AT = (
    Job.id, Job.owner, Job.status, Job.attempt, Job.released, Job.cancel_requested,
    Job.result_key, Job.error, Job.submitted, Job.started, Job.finished, Job.lease_until,
)  # fmt: skip


# ---------------------------------------------------------------- faults


class Fault:
    """What the database does at the next transaction that writes."""

    wanted = ""  # "statement": it fails; "commit": it is committed, and the answer is lost
    met = False

    @classmethod
    def happen(cls, place: str) -> None:
        if cls.wanted == place:
            cls.wanted, cls.met = "", True
            raise OperationalError("injected", None, Exception(place))


def _at_statement(_: object, __: object, statement: str, *___: object) -> None:
    if statement.lstrip().startswith(("UPDATE", "INSERT", "DELETE")):
        Fault.happen("statement")


def _after_commit(_: object) -> None:
    Fault.happen("commit")


@contextmanager
def faults() -> Iterator[None]:
    """Let faults happen meanwhile."""
    engine = database.engine()
    event.listen(engine, "before_cursor_execute", _at_statement)
    event.listen(Session, "after_commit", _after_commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", _at_statement)
        event.remove(Session, "after_commit", _after_commit)


# ---------------------------------------------------------------- the walk


def _rows() -> dict[str, Row[Any]]:
    with database.reading() as session:
        found: list[Row[Any]] = list(session.execute(select(*_LOOKED_AT)))
        return {row.id: row for row in found}


def _set_attempts(most: int) -> None:
    """Change a setting of this process, as a restart with another one would."""
    os.environ["STUDIO_MAX_ATTEMPTS"] = str(most)
    for cached in (settings.settings, claims._claiming, claims._joining):
        cached.cache_clear()


def shift(seconds: float) -> None:
    """Have the database's clock jump: whatever was noted lies so much further back."""
    with database.transaction() as session:
        session.execute(update(Job).values({time: time - seconds for time in _TIMES}))
        session.execute(update(Leadership).values(until=Leadership.until - seconds))


_CLEAN = CleanFile(Path("a"), "png", 64, 48, 100, "")
_PICTURES = dict.fromkeys(("content", "style-0"), _CLEAN)


def _new(owner: str) -> NewJob:
    return NewJob(str(uuid_utils.uuid7()), owner, _PICTURES, Options.read({}, 1, 0))


_PLACE = st.integers(0, 3)
_OWNER = st.sampled_from(["ann", "bob", "cid"])


class Walk(RuleBasedStateMachine):
    """One walk."""

    def __init__(self) -> None:
        super().__init__()
        COUNTED["walks"] += 1
        Fault.wanted, self.verb, self.only = "", "", ("", -1)
        with database.transaction() as session:
            for table in (Job, Batch):
                session.execute(delete(table))
        service_state.change(service_state.State.OPEN)
        _set_attempts(5)
        self.before: dict[str, Row[Any]] = {}
        self.claimed: list[Job] = []  # attempts that workers have or had
        self.batches: list[str] = []

    def _do(self, verb: str, work: Callable[[], T], only: Job | None = None) -> T | None:
        self.verb, Fault.met = verb, False
        self.only = (only.id, only.attempt) if only else ("", -1)
        try:
            return work()
        except DBAPIError:
            assert Fault.met
            return None
        except (JobNotFound, Refused):
            return None
        finally:
            Fault.wanted = ""

    def _id(self, place: int) -> str:
        ids = sorted(self.before)
        return ids[place % len(ids)] if ids else "none"

    def _attempt(self, place: int) -> Job | None:
        return self.claimed[-1 - place % len(self.claimed)] if self.claimed else None

    # ------------------------------------------------------------ visitors

    def _insert(self, owner: str) -> None:
        submission._insert(_new(owner), lambda session, job_id: None)

    @initialize(owners=st.lists(_OWNER, min_size=3, max_size=6))
    def begin(self, owners: list[str]) -> None:
        self.verb = "submit"
        for owner in owners:
            self._insert(owner)

    @rule(owner=_OWNER)
    def submit(self, owner: str) -> None:
        self._do("submit", lambda: self._insert(owner))

    @rule(owner=_OWNER)
    def submit_batch(self, owner: str) -> None:
        cells = [_new(owner), _new(owner)]
        batch = Batch(
            id=str(uuid_utils.uuid7()), owner=owner, photos=["a", "b"], styles=["c"], options={}
        )
        self.batches.append(batch.id)
        self._do("submit", lambda: batches._insert(batch, cells, lambda session, name: None))

    @rule(place=_PLACE, owner=_OWNER)
    def cancel(self, place: int, owner: str) -> None:
        self._do("cancel", lambda: jobs.cancel(self._id(place), owner))

    @rule(place=_PLACE, owner=_OWNER)
    def cancel_batch(self, place: int, owner: str) -> None:
        if self.batches:
            batch = self.batches[place % len(self.batches)]
            self._do("cancel", lambda: jobs.cancel_batch(batch, owner))

    @rule(owner=_OWNER, places=st.lists(_PLACE, max_size=3))
    def remove(self, owner: str, places: list[int]) -> None:
        ids = [self._id(place) for place in places]
        self._do("delete", lambda: bins.remove(owner, ids))

    @rule(owner=_OWNER)
    def remove_all(self, owner: str) -> None:
        self._do("delete", lambda: accounts.remove(owner))

    # ------------------------------------------------------------ workers

    @rule(most=st.integers(1, 4))
    def claim(self, most: int) -> None:
        self.claimed += self._do("claim", lambda: jobs.claim_together("worker", most)) or []

    @rule(place=_PLACE, most=st.integers(0, 3))
    def join(self, place: int, most: int) -> None:
        if job := self._attempt(place):
            self.claimed += self._do("join", lambda: jobs.join("worker", job, most)) or []

    @rule(place=_PLACE)
    def renew(self, place: int) -> None:
        if job := self._attempt(place):
            held = self._do("renew", lambda: jobs.renew(job, "content", 0.5), job)
            row = self.before.get(job.id)
            mine = row and (row.status, row.attempt) == (Status.RUNNING, job.attempt)
            if held is not None:
                assert (held != Hold.LOST) == bool(mine)

    @rule(place=_PLACE)
    def finish(self, place: int) -> None:
        if job := self._attempt(place):
            self._do("finish", lambda: _finish(job), job)

    @rule(place=_PLACE)
    def fail(self, place: int) -> None:
        if job := self._attempt(place):
            self._do("fail", lambda: jobs.fail(job.id, job.attempt, Message("job.error")), job)

    @rule(place=_PLACE)
    def stopped(self, place: int) -> None:
        job = self._attempt(place)
        if job and self.before.get(job.id) and self.before[job.id].cancel_requested:
            self._do("stopped", lambda: jobs.stopped(job.id, job.attempt), job)

    @rule(place=_PLACE, counts=st.booleans())
    def release(self, place: int, counts: bool) -> None:
        if job := self._attempt(place):
            self._do("release", lambda: jobs.release(job.id, job.attempt, counts), job)

    @rule(place=_PLACE)
    def previous_release(self, place: int) -> None:
        """A worker of ef70aa7 gives a job back, also if it is to be cancelled."""
        if job := self._attempt(place):
            values = {"status": Status.QUEUED, "lease_until": None, "released": Job.released + 1}
            statement = update(Job).where(model.is_held(job.id, job.attempt)).values(values)
            self._do("previous release", lambda: model.change_one(statement), job)

    # ------------------------------------------------------------ operator and sweep

    @rule(place=_PLACE)
    def stop(self, place: int) -> None:
        self._do("cancel", lambda: jobs.stop(self._id(place)))

    @rule(owner=_OWNER)
    def stop_all(self, owner: str) -> None:
        self._do("cancel", lambda: jobs.stop_all(owner=owner))

    @rule(place=_PLACE)
    def requeue(self, place: int) -> None:
        self._do("requeue", lambda: jobs.requeue(self._id(place)))

    @rule(state=st.sampled_from(list(service_state.State)))
    def turn(self, state: service_state.State) -> None:
        self._do("gate", lambda: service_state.change(state))

    @rule(most=st.sampled_from([1, 2, 5]))
    def start_with_other_attempts(self, most: int) -> None:
        _set_attempts(most)

    @rule()
    def expire(self) -> None:
        self._do("sweep", jobs.expire)

    @rule()
    def repair(self) -> None:
        self._do("sweep", jobs.repair)
        if not Fault.met:
            assert sum(row.stuck for row in queue_position.lines()) == 0

    @rule()
    def forget(self) -> None:
        self._do("delete", lambda: jobs.forget(30))

    # ------------------------------------------------------------ clocks and faults

    @rule(seconds=st.sampled_from([0.5, 13.0, 3600.0, 40 * 86400.0, -13.0, -3600.0]))
    def jump(self, seconds: float) -> None:
        self._do("clock", lambda: shift(seconds))

    @rule(place=st.sampled_from(["statement", "commit"]))
    def fail_next(self, place: str) -> None:
        Fault.wanted = place

    # ------------------------------------------------------------ laws

    @invariant()
    def every_change_is_one_that_its_verb_may_make(self) -> None:
        COUNTED["steps"] += 1
        wanted, Fault.wanted = Fault.wanted, ""
        after = _rows()
        for job_id in self.before.keys() | after.keys():
            self._check(self.before.get(job_id), after.get(job_id))
        self.before = after
        Fault.wanted, self.verb = wanted, ""

    def _check(self, old: Row[Any] | None, new: Row[Any] | None) -> None:
        if new is None:
            assert self.verb == "delete", f"lost by {self.verb}"
            return
        if old is None:
            assert (self.verb, new.status, new.attempt) == ("submit", Status.QUEUED, 0)
            COUNTED["jobs"] += 1
            return
        if tuple(old) == tuple(new) or self.verb == "clock":
            return
        assert self.verb in _CHANGES.get((Status(old.status), Status(new.status)), ()), self.verb
        if self.verb in _FENCED:
            assert (old.id, old.attempt) == self.only
        begun = self.verb in {"claim", "join"}
        assert new.attempt == old.attempt + begun
        if begun or new.status == Status.DONE:
            assert not old.cancel_requested
        if new.status == Status.DONE:
            assert new.result_key == f"{new.id}/result-{new.attempt}.png"
        if new.status == Status.QUEUED and self.verb != "previous release":
            assert not new.cancel_requested
        if old.status in ENDED:
            assert (new.released, new.cancel_requested) == (new.attempt, False)

    def teardown(self) -> None:
        """Sound workers and the sweep end every job, soon."""
        Fault.wanted = ""
        service_state.change(service_state.State.OPEN)
        _check_line()
        accepted = set(self.before)
        found = _rows()
        for _ in range(20):
            if all(row.status in ENDED for row in found.values()):
                break
            shift(_ONCE)
            jobs.expire()
            jobs.repair()
            while group := jobs.claim_together("sound", 4):
                assert all(map(_finish, group))
            found = _rows()
        assert set(found) == accepted, "lost"
        assert all(row.status in ENDED for row in found.values()), "stuck"
        COUNTED.update(str(row.status) for row in found.values())


def _finish(job: Job) -> bool:
    return jobs.finish(
        job.id, job.attempt, result_key=f"{job.id}/result-{job.attempt}.png",
        thumbnail_key="", width=1, height=1, device="", weights_sha256="", version="", timings={},
    )  # fmt: skip


def _check_line() -> None:
    """The queue positions are 1, 2, 3 …"""
    with database.reading() as session:
        waiting = list(session.scalars(select(Job).where(Job.status == Status.QUEUED)))
    assert sorted(jobs.positions(waiting).values()) == list(range(1, len(waiting) + 1))
    read = queue_position.read([job.id for job in waiting])
    assert jobs.positions(waiting) == {job_id: one.position for job_id, one in read.items()}
