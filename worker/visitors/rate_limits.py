"""Rate limits of one visitor and one network address, by GCRA.

Counted in the database, so that they hold for all processes together and while Redis is down. A
whole minute's allowance may be used at once, and then only as fast as it returns. Addresses are
stored only as a keyed hash (an origin). Raises `TooMany`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Float,
    Table,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from worker.errors import Message, Refused, rounded
from worker.jobs import ACTIVE, Job
from worker.storage import database
from worker.storage.database import Base, now, pending
from worker.visitor import Visitor as Visitor
from worker.visitors import blocks, limit_overrides

MINUTE, DAY = 60.0, 86400.0
DECODING = 600.0  # seconds in which what decoding may take comes back
VISITOR_CREDENTIALS, ADDRESS_CREDENTIALS = 25, 60  # keys and webhook secrets made a minute
ATTEMPTS = 5  # wrong secrets that one address may try a minute
SLACK = 0.001  # seconds by which databases round their time
OVERDRAFT = 2  # times a limit that can be spent, with what is charged afterwards
SOON = 10.0  # seconds after which a full line is worth another look


class TooMany(Refused):
    """Too much was asked for; its message says how much is possible."""

    def __init__(self, message: Message, retry_after: float) -> None:
        super().__init__(message.code, **message.params)
        self.retry_after = max(1, math.ceil(retry_after))  # seconds


class Allowance(Base):
    """What a visitor or address used of one limit, as the time when it is whole again (TAT)."""

    __tablename__ = "allowances"

    who: Mapped[str] = mapped_column(primary_key=True)  # owner:… or origin:…
    what: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[float]


@dataclass(frozen=True)
class Limit:
    """So much of something within so many seconds; most = 0: any."""

    what: str
    most: int
    seconds: float
    message: Message  # what is said where there is no more of it

    @property
    def longest(self) -> float:
        """The seconds that it takes at most until it is whole again."""
        return OVERDRAFT * self.seconds + SLACK


# ---------------------------------------------------------------- spending


def _upsert(dialect: str, until: ColumnElement[float]) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the parameters `name` and `limit` that can also say ON CONFLICT."""
    table = cast("Table", Allowance.__table__)
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return statement.values(who=bindparam("name"), what=bindparam("limit"), until=until)


@cache
def _spending(dialect: str, taken: bool) -> ReturningInsert[Any]:
    """Return the statement of `_spend`, made once: to put it together takes longer than to run it.

    Its parameters: `name`, `limit`; `cost`, `most` and `longest`, in seconds.
    """
    cost, most = bindparam("cost", type_=Float), bindparam("most", type_=Float)
    longest = bindparam("longest", type_=Float)
    spent = pending(Allowance.until, longest) + cost
    statement = _upsert(dialect, now() + cost).on_conflict_do_update(
        index_elements=["who", "what"],
        set_={"until": case((spent > now() + longest, now() + longest), else_=spent)},
        where=None if taken else spent <= now() + most,
    )
    return statement.returning(Allowance.until)


@cache
def _noting(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Return the statement of `note`."""
    return _upsert(dialect, now()).on_conflict_do_update(
        index_elements=["who", "what"], set_={"until": now()}
    )


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


_UNTIL = select(Allowance.who, Allowance.what, Allowance.until - now()).where(
    Allowance.who.in_(bindparam("names", expanding=True)),
    Allowance.what.in_(bindparam("limits", expanding=True)),
)


def _spent(session: Session, limits: Sequence[tuple[str, Limit]]) -> list[float]:
    """Return the seconds until limits are whole again, each with whose it is; in one SELECT.

    As `pending`: a time further ahead than is ever written counts as past.
    """
    asked = {"names": [who for who, _ in limits], "limits": [limit.what for _, limit in limits]}
    ahead = {(row[0], row[1]): row[2] for row in session.execute(_UNTIL, asked)}
    seconds = [(ahead.get((who, limit.what), 0.0), limit.longest) for who, limit in limits]
    return [left if 0 < left <= longest else 0.0 for left, longest in seconds]


def _spend(session: Session, who: str, limit: Limit, amount: float, *, taken: bool = False) -> None:
    """Spend in one statement, which of two at once one must wait for.

    Raises `TooMany`, unless it was taken already.
    """
    if not limit.most:
        return
    cost = limit.seconds * min(1.0, amount / limit.most)
    asked = {"name": who, "limit": limit.what, "cost": cost, "longest": limit.longest}
    if not taken:
        asked["most"] = limit.seconds + SLACK
    if session.scalar(_spending(_dialect(session), taken), asked) is None:
        [spent] = _spent(session, [(who, limit)])
        raise TooMany(limit.message, spent + cost - limit.seconds)


def note(session: Session, who: str, what: str) -> None:
    """Write the time in the row of `who` and `what`, which is kept for a minute.

    No other transaction gets past this until the session's ends.
    """
    session.execute(_noting(_dialect(session)), {"name": who, "limit": what})


def lock(session: Session, who: str) -> None:
    """Let no other transaction past this until the session's ends, for the same `who`.

    In SQLite none could anyway: a session that may write holds the database's only lock.
    """
    if _dialect(session) != "sqlite":
        note(session, who, "lock")


def names(visitor: Visitor) -> tuple[str, str]:
    """Return a visitor's two names in limits and blocks; "": the address is not known."""
    return f"owner:{visitor.owner}", f"origin:{visitor.origin}" if visitor.origin else ""


@dataclass(frozen=True)
class Cost:
    """What something takes of a visitor's limit and of the address's."""

    amount: float
    own: Limit
    address: Limit
    beside: "Cost | None" = None  # is spent with it


def _each(visitor: Visitor, costs: Sequence[Cost]) -> Iterator[tuple[str, Limit, float]]:
    """Yield whose limit is spent how much of: the visitor's, and the address's if it is known."""
    owner, origin = names(visitor)
    for cost in costs:
        yield owner, cost.own, cost.amount
        if origin:
            yield origin, cost.address, cost.amount
        if cost.beside:
            yield from _each(visitor, [cost.beside])


@database.retried
def consume(visitor: Visitor, *costs: Cost) -> None:
    """Spend all of it or nothing; raises `TooMany` and `Blocked`."""
    with database.transaction() as session:
        blocks.check_in(session, *names(visitor))
        for who, limit, amount in _each(visitor, costs):
            _spend(session, who, limit, amount)


@database.retried
def charge(visitor: Visitor, *costs: Cost) -> None:
    """Spend what was taken already, however much is left."""
    with database.transaction() as session:
        for who, limit, amount in _each(visitor, costs):
            _spend(session, who, limit, amount, taken=True)


def check(visitor: Visitor, *costs: Cost) -> None:
    """Raise `TooMany` and `Blocked` where `consume` would; spends nothing."""
    blocks.check(*names(visitor))
    limited = [each for each in _each(visitor, costs) if each[1].most]
    with database.reading() as session:
        spent = _spent(session, [(who, limit) for who, limit, _ in limited])
    for (_, limit, amount), seconds in zip(limited, spent, strict=True):
        over = seconds + limit.seconds * min(1.0, amount / limit.most) - limit.seconds
        if over > SLACK:
            raise TooMany(limit.message, over)


# ---------------------------------------------------------------- what is limited


def submissions(count: int = 1) -> Cost:
    """Return what a job, or several, cost; one by a slow method counts as several."""
    own, address = limit_overrides.of("visitor_submissions", "address_submissions")
    return Cost(
        count,
        Limit("submissions", own, MINUTE, Message("limit.submissions", limit=own)),
        Limit("submissions", address, MINUTE, Message("limit.address_submissions", limit=address)),
    )


def decoding(seconds: float = 0.0) -> Cost:
    """Return what so many seconds of decoding cost; of 0 seconds: nothing, once all is spent."""
    own, address = limit_overrides.of("visitor_decoding", "address_decoding")
    message = Message("limit.decoding")
    return Cost(
        seconds,
        Limit("decoding", own, DECODING, message),
        Limit("decoding", address, DECODING, message),
    )


def pictures(count: int = 1) -> Cost:
    """Return what pictures to be opened cost: put in a form, sent, downloaded, read.

    None is opened for who has spent all time of decoding.
    """
    own, address = limit_overrides.of("visitor_uploads", "address_uploads")
    return Cost(
        count,
        Limit("pictures", own, MINUTE, Message("limit.pictures", limit=own)),
        Limit("pictures", address, MINUTE, Message("limit.address_pictures", limit=address)),
        beside=decoding(),
    )


def previews(count: int) -> Cost:
    """Return what so many previews cost; a contact sheet is as many as it has pictures."""
    own, address = limit_overrides.of("visitor_previews", "address_previews")
    message = Message("limit.previews")
    return Cost(
        count,
        Limit("previews", own, MINUTE, message),
        Limit("previews", address, MINUTE, message),
    )


def events(count: int = 1) -> Cost:
    """Return what an event of the page costs, a large one as much as several."""
    message, most = Message("limit.page_events"), ("visitor_events", "address_events")
    own, address = (Limit("events", each, MINUTE, message) for each in limit_overrides.of(*most))
    return Cost(count, own, address)


def credential() -> Cost:
    """Return what it costs to make an API key or a webhook secret, each a row that stays."""
    message = Message("limit.credentials")
    return Cost(
        1,
        Limit("credentials", VISITOR_CREDENTIALS, MINUTE, message),
        Limit("credentials", ADDRESS_CREDENTIALS, MINUTE, message),
    )


def _bytes(most: int) -> Limit:
    message = Message("limit.daily_bytes", gigabytes=rounded(most / 1e9))
    return Limit("bytes", most, DAY, message)


def sent(size: int) -> Cost:
    """Return what bytes being sent cost of the day's."""
    both = _bytes(*limit_overrides.of("daily_bytes"))
    return Cost(size, both, both)


def kept(size: int, paid: int) -> Cost:
    """Return what bytes being kept cost of the day's, where so many sent bytes were paid already.

    Together never more than a day's worth, as with `sent` alone.
    """
    both = _bytes(*limit_overrides.of("daily_bytes"))
    return Cost(max(0, min(size, both.most) - paid), both, both)


def check_waiting(session: Session, visitor: Visitor, coming: int = 0) -> None:
    """Raise `TooMany` if more jobs are in line than may be, those just inserted included.

    `coming` are those that are still to be inserted.

    Two at once can't both pass: the second counts when the first has committed.
    """
    active = Job.status.in_(ACTIVE)
    own, address = limit_overrides.of("visitor_waiting", "address_waiting")
    for who, whose, most, message in (
        (
            names(visitor)[0],
            Job.owner == visitor.owner,
            own,
            Message("limit.waiting", limit=own),
        ),
        (
            names(visitor)[1],
            Job.origin == visitor.origin,
            address,
            Message("limit.address_waiting", limit=address),
        ),
    ):
        if who and most:
            lock(session, who)
            count = session.scalar(select(func.count()).where(active, whose)) or 0
            if coming and count + coming > most:
                raise TooMany(
                    Message("limit.waiting_batch", limit=most, count=count, coming=coming), SOON
                )
            if count > most:
                raise TooMany(message, SOON)


# ---------------------------------------------------------------- the admin's secret


_GUESS = Limit("attempts", ATTEMPTS, MINUTE, Message("admin.too_many_guesses"))


@database.retried
def guess(origin: str, right: Callable[[], bool]) -> bool:
    """Tell whether an address guesses right, and count a wrong guess; raises `TooMany`.

    Guesses of one address wait for each other: none is compared beyond those it may try, and
    right ones, however many come at once, cost nothing.
    """
    who = f"origin:{origin}"
    with database.transaction() as session:
        lock(session, who)
        [spent] = _spent(session, [(who, _GUESS)])
        if (over := spent + MINUTE / ATTEMPTS - MINUTE) > SLACK:
            raise TooMany(_GUESS.message, over)
        if not (found := right()):
            _spend(session, who, _GUESS, 1)
    return found


# ---------------------------------------------------------------- the sweep's verb


@database.retried
def forget() -> None:
    """Delete the rows of limits that are whole again, but for those that a request is using."""
    key = tuple_(Allowance.who, Allowance.what)
    whole = Allowance.until < now() - MINUTE, Allowance.until > now() + OVERDRAFT * DAY + MINUTE
    old = select(Allowance.who, Allowance.what).where(or_(*whole))
    with database.transaction() as session:
        session.execute(
            delete(Allowance).where(key.in_(old.with_for_update(skip_locked=True))),
            execution_options={"synchronize_session": False},
        )
