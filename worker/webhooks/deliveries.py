"""Webhook deliveries: a signed POST to an owner's server when a job ends, retried until accepted.

The row is inserted in the job's transaction and falls due when the job ends. Delivery is at least
once: a sender may die before it records the answer. Signed as in Standard Webhooks
(standardwebhooks.com), so that ready-made code can check it.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from threading import Event
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator
from sqlalchemy import JSON, ColumnElement, Index, and_, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from adain import __version__
from worker import errors
from worker.credentials.api_keys import Key
from worker.errors import Message, Refused
from worker.jobs import Beside, Job, Status
from worker.settings import settings
from worker.storage import database
from worker.storage.database import Base, now, pending
from worker.webhooks import outbound

log = logging.getLogger(__name__)

WAITS = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * 3600.0)  # seconds after each attempt that failed
BUSY = 2 * outbound.SECONDS  # after which an attempt is another sender's
AT_ONCE = 16
OF_ONE_OWNER = 2  # at once, so that one slow receiver does not keep the others waiting
OF_ONE_ADDRESS = 4  # at once, of all owners whose jobs came from there, while that is known
SECRETS = 100_000  # of all owners
FRESH_SECONDS = 3600.0  # in which the owner of a new secret may send a first job
SECRET_DAYS = 365  # of an owner without jobs and keys
GONE = 410  # the receiver's word that it wants no more


class State(StrEnum):
    """The state of a delivery."""

    WAITING = "waiting"  # for the job to end, or for the next attempt
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Base):
    """The webhook of one job, its attempts and its result."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_due", "state", "due"),
        Index("deliveries_busy", "owner", "busy_until"),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    url: Mapped[str]
    state: Mapped[Annotated[str, AfterValidator(State)]] = mapped_column(default=State.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    due: Mapped[float] = mapped_column(default=now())  # not before
    busy_until: Mapped[float | None]  # a process is sending it
    answer: Mapped[int | None]  # the last status
    error: Mapped[str | None]  # why the last attempt failed: one sentence, in English
    error_code: Mapped[str | None]
    error_params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    ended: Mapped[float | None]

    @property
    def failure(self) -> Message | str | None:
        """Why the last attempt failed; a sentence where an earlier version recorded it."""
        return errors.recorded(self.error, self.error_code, self.error_params)


class Secret(Base):
    """What an owner's deliveries are signed with."""

    __tablename__ = "webhook_secrets"

    owner: Mapped[str] = mapped_column(primary_key=True)
    secret: Mapped[str]  # base64
    made: Mapped[float] = mapped_column(default=now())


# ---------------------------------------------------------------- the secret


@database.retried
def make_secret(owner: str) -> str:
    """Make the owner's secret, in place of an older one, and return it: the only time."""
    made = base64.b64encode(secrets.token_bytes(32)).decode()
    with database.transaction(durable=True) as session:
        session.execute(delete(Secret).where(Secret.owner == owner))
        session.add(Secret(owner=owner, secret=made))
    return f"whsec_{made}"


def secret_made(owner: str) -> float | None:
    """Return when the owner's secret was made; None if there is none."""
    with database.reading() as session:
        return session.scalar(select(Secret.made).where(Secret.owner == owner))


def sign(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message by its name, time and body; `secret` is base64."""
    signed = b"%s.%d.%s" % (name.encode(), timestamp, body)
    mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(mac).decode()}"


# ---------------------------------------------------------------- a delivery's verbs


def promise(owner: str, url: str) -> Beside:
    """Check a webhook's address; return what adds its row in the job's transaction.

    Raises `Refused`.
    """
    outbound.check(url)
    if secret_made(owner) is None:
        raise Refused("webhook.secret_required")

    def write(session: Session, job_id: str) -> None:
        session.add(Delivery(job_id=job_id, owner=owner, url=url))

    return write


def get(job_id: str) -> Delivery | None:
    """Return how the delivery of a job goes; None if none was asked for."""
    with database.reading() as session:
        return session.get(Delivery, job_id)


def _busy_of_owner(one: type[Delivery]) -> ColumnElement[int]:
    """Return how many deliveries of the same owner are being sent."""
    other = aliased(Delivery)
    same = other.owner == one.owner, pending(other.busy_until, BUSY) > now()
    return select(func.count()).where(*same).correlate(one).scalar_subquery()


def _busy_of_address(one: type[Delivery]) -> ColumnElement[int]:
    """Return how many deliveries are being sent for jobs of the same address."""
    other, its_job = aliased(Delivery), aliased(Job)
    return (
        select(func.count())
        .join_from(other, its_job, its_job.id == other.job_id)
        .where(pending(other.busy_until, BUSY) > now(), its_job.origin == Job.origin)
        .correlate(one, Job)
        .scalar_subquery()
    )


@database.retried
def claim() -> Delivery | None:
    """Take the next delivery whose job has ended, for one attempt; None: nothing to do."""
    one = aliased(Delivery)
    first = (
        select(one.job_id)
        .join(Job, Job.id == one.job_id)
        .where(one.state == State.WAITING, pending(one.due, WAITS[-1]) <= now())
        .where(pending(one.busy_until, BUSY) <= now())
        .where(_busy_of_owner(one) < OF_ONE_OWNER, _busy_of_address(one) < OF_ONE_ADDRESS)
        .where(Job.status.not_in((Status.QUEUED, Status.RUNNING)))
        .order_by(one.due)
        .limit(1)
        .with_for_update(skip_locked=True, of=one)
        .scalar_subquery()
    )
    taken = (
        update(Delivery)
        .where(Delivery.job_id == first)
        .values(attempts=Delivery.attempts + 1, busy_until=now() + BUSY)
        .returning(Delivery)
    )
    with database.transaction() as session:
        return session.scalars(
            taken, execution_options={"synchronize_session": False}
        ).one_or_none()


_NO_ERROR = dict.fromkeys(("error", "error_code", "error_params"))


@database.retried
def record(delivery: Delivery, answer: int | None, failure: Message | None) -> State:
    """Write down how an attempt went, unless a later one did; return how it stands now."""
    if failure is None:
        state = State.DELIVERED
    else:
        last = answer == GONE or delivery.attempts > len(WAITS)
        state = State.FAILED if last else State.WAITING
    wait = WAITS[delivery.attempts - 1] if state == State.WAITING else 0.0
    mine = and_(Delivery.job_id == delivery.job_id, Delivery.attempts == delivery.attempts)
    with database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(mine, Delivery.state == State.WAITING)
            .values(
                state=state,
                answer=answer,
                **(errors.columns(failure) if failure else _NO_ERROR),
                busy_until=None,
                due=now() + wait,
                ended=None if state == State.WAITING else now(),
            )
        )
    return state


@database.retried
def _unneeded() -> ColumnElement[bool]:
    """True for the secrets of owners who have neither jobs nor keys."""
    return and_(
        ~select(Job.id).where(Job.owner == Secret.owner).exists(),
        ~select(Key.id).where(Key.owner == Secret.owner).exists(),
    )


@database.retried
def forget() -> None:
    """Delete the deliveries of jobs that are no more, and unneeded secrets.

    Beyond `SECRETS`, the newest go, so that a flood of new ones deletes no others'.
    """
    first = select(Secret.owner).order_by(Secret.made, Secret.owner)
    too_many = and_(
        Secret.owner.in_(first.offset(SECRETS).limit(1_000_000)),
        Secret.made < now() - FRESH_SECONDS,
    )
    old = Secret.made < now() - SECRET_DAYS * 86400
    with database.transaction() as session:
        for statement in (
            delete(Delivery).where(Delivery.job_id.not_in(select(Job.id))),
            delete(Secret).where(_unneeded(), or_(old, too_many)),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})


# ---------------------------------------------------------------- sending


def _message(job: Job) -> bytes:
    """Return the body: enough to know what to fetch."""
    failure = job.failure
    fields = {
        "type": f"job.{job.status}",
        "timestamp": job.finished,
        "data": {
            "id": job.id,
            "state": job.status,
            "error": job.error,
            "error_code": failure.code if isinstance(failure, Message) else None,
            "submitted": job.submitted,
            "started": job.started,
            "finished": job.finished,
            "width": job.width,
            "height": job.height,
        },
    }
    return json.dumps(fields, ensure_ascii=False).encode()


def _ready(delivery: Delivery) -> tuple[bytes, dict[str, str]] | None:
    """Return the body and the headers; None when job or secret are no more."""
    with database.reading() as session:
        job, secret = session.get(Job, delivery.job_id), session.get(Secret, delivery.owner)
        time = int(session.scalar(now().select()) or 0)
    if job is None or secret is None:
        return None
    body = _message(job)
    return body, {
        "Content-Type": "application/json",
        "User-Agent": f"adain-studio/{__version__}",
        "webhook-id": job.id,  # the same for every attempt: a receiver knows what it has
        "webhook-timestamp": str(time),
        "webhook-signature": sign(secret.secret, job.id, time, body),
    }


async def _attempt(
    caller: httpx.AsyncClient, delivery: Delivery
) -> tuple[int | None, Message | None]:
    """Send once; return the answer's status and, unless it was accepted, what went wrong."""
    ready = await asyncio.to_thread(_ready, delivery)
    if ready is None:
        return None, Message("webhook.job_deleted")
    try:
        answer = await outbound.post(caller, delivery.url, *ready)
    except outbound.NotPublic as error:
        return None, error.message
    except (TimeoutError, httpx.TimeoutException):
        return None, Message("webhook.no_answer", seconds=outbound.SECONDS)
    except (httpx.HTTPError, OSError, UnicodeError, ValueError) as error:
        log.info("job %s webhook: %r", delivery.job_id, error)
        return None, Message("webhook.unreachable")
    if 200 <= answer < 300:
        return answer, None
    if 300 <= answer < 400:
        return answer, Message("webhook.redirected", status=answer)
    return answer, Message("webhook.not_accepted", status=answer)


async def _deliver(caller: httpx.AsyncClient, delivery: Delivery) -> None:
    """Make one attempt and write down how it went; whatever fails here comes due again."""
    try:
        answer, failure = await _attempt(caller, delivery)
        state = await asyncio.to_thread(record, delivery, answer, failure)
    except Exception:
        log.exception("job %s webhook", delivery.job_id)
        return
    level = logging.INFO if failure is None else logging.WARNING
    log.log(
        level, "job %s webhook attempt %d %s: %s",
        delivery.job_id, delivery.attempts, state, failure or answer,
    )  # fmt: skip


async def _next() -> Delivery | None:
    try:
        return await asyncio.to_thread(claim)
    except Exception:
        log.exception("no delivery could be looked for")
        return None


async def _deliver_until(stop: Event) -> None:
    sending: set[asyncio.Task[None]] = set()
    # Names may take long to resolve, and a look-up can't be called off.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4 * AT_ONCE, "deliveries"))
    async with outbound.client() as caller:
        while not stop.is_set():
            while len(sending) < AT_ONCE and (delivery := await _next()):
                task = asyncio.create_task(_deliver(caller, delivery))
                sending.add(task)
                task.add_done_callback(sending.discard)
            await asyncio.sleep(min(1.0, settings().sweep_seconds))
        for task in sending:
            task.cancel()  # it comes due again, here or in another process


def run(stop: Event) -> None:
    """Deliver until `stop` is set; several processes may."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses, paths and all
    while not stop.is_set():
        try:
            asyncio.run(_deliver_until(stop))
        except Exception:
            log.exception("deliveries stopped; they start again")
            stop.wait(5)
