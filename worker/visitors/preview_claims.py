"""Claiming previews for a worker, in order, and what the worker then says of them.

The turn is the address's (the owner's, where the address is not known): the one of whom something
was begun longest ago is next, however many cookies it has and however often it asks. It has one for
previews and one for contact sheets. Where nothing was begun within the minute that this is kept in
`allowances`, previews go before contact sheets that have not waited for long: so neither keeps the
other waiting for ever. Of each slot of a visitor's only the latest request waits.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    String,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from worker.jobs import queue, service_state
from worker.settings import settings
from worker.storage import blobs, database
from worker.storage.database import now
from worker.visitors import rate_limits
from worker.visitors.previews import SHEET_FRESH, Preview, State, folder, is_asked, is_sheet_asked
from worker.visitors.rate_limits import Allowance, Visitor

TURN = "preview turn"  # of whom a preview was begun last, and when
SHEET_TURN = "sheet turn"  # the same of a contact sheet
PATIENCE = 10.0  # seconds that a contact sheet waits for previews of the same turn


_is_sheet = Preview.state == State.SHEET_ASKED


def _since() -> ColumnElement[float]:
    """Return when the like of a preview was begun last for its address; 0: not in this minute."""
    origin = func.coalesce(Preview.origin, "")
    who = case(
        (origin != "", literal("origin:", String) + origin),
        else_=literal("owner:", String) + Preview.owner,
    )
    what = case((_is_sheet, SHEET_TURN), else_=TURN)
    last = select(Allowance.until).where(Allowance.who == who, Allowance.what == what)
    # a later time is of a clock that was ahead
    return func.coalesce(last.where(Allowance.until <= now()).scalar_subquery(), 0.0)


def _note(session: Session, preview: Preview) -> None:
    """Put the address of a preview last in turn."""
    owner, origin = rate_limits.names(Visitor(preview.owner, preview.origin or ""))
    rate_limits.note(session, origin or owner, SHEET_TURN if preview.sheet else TURN)


def _order(held: str) -> Sequence[ColumnExpressionArgument[Any]]:
    """Return by what requests are ordered; while the sheet `held` waits, other sheets come last."""
    other = aliased(Preview)
    held_one = select(other.owner).where(other.id == held, other.state == State.SHEET_ASKED)
    last = and_(_is_sheet, Preview.id != held, held_one.exists())
    return last, _since(), and_(_is_sheet, Preview.asked > now() - PATIENCE), Preview.asked


@database.retried
def claim(held: str = "") -> Preview | None:
    """Take the preview or contact sheet that is next in turn; out-of-date requests are left.

    `held`: the id of a sheet that this process has painted in part, the first of the sheets.
    """
    asked = or_(is_asked(), is_sheet_asked())
    first = (
        select(Preview.key)
        .where(asked, Preview.queue.in_(settings().serving), service_state.begins())
        .order_by(*_order(held))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = update(Preview).where(Preview.key == first).values(state=State.BEGUN)
    with database.transaction() as session:
        taken = session.scalars(
            statement.returning(Preview), execution_options={"synchronize_session": False}
        ).one_or_none()
        if taken:
            _note(session, taken)
    return taken


def waits(sheets: bool = False) -> bool:
    """Tell whether a preview, with `sheets` or a contact sheet, waits for a worker like this."""
    asked = or_(is_asked(), is_sheet_asked()) if sheets else is_asked()
    mine = asked, Preview.queue.in_(settings().serving), service_state.begins()
    with database.reading() as session:
        return session.scalar(select(Preview.key).where(*mine).limit(1)) is not None


def _same(preview: Preview) -> ColumnElement[bool]:
    return and_(Preview.key == preview.key, Preview.id == preview.id)


def is_wanted(preview: Preview) -> bool:
    """Tell whether the page still waits for a contact sheet that was begun."""
    fresh = Preview.asked > now() - SHEET_FRESH
    with database.reading() as session:
        return session.scalar(select(Preview.key).where(_same(preview), fresh)) is not None


@database.retried
def _returned(preview: Preview) -> State | None:
    """Let a contact sheet be claimed again, or end it; None: another was asked for meanwhile."""
    state = case((Preview.asked > now() - SHEET_FRESH, State.SHEET_ASKED), else_=State.FAILED)
    mine = _same(preview), Preview.state == State.BEGUN
    statement = update(Preview).where(*mine).values(state=state).returning(Preview.state)
    with database.transaction() as session:
        found = session.scalar(statement, execution_options={"synchronize_session": False})
    return State(found) if found else None


def give_back(preview: Preview) -> bool:
    """Let a contact sheet be gone on with later; tell whether it will be.

    One that is out of date has failed.
    """
    waits_again = _returned(preview) == State.SHEET_ASKED
    if waits_again:
        queue.announce([preview.id], preview.queue)
    return waits_again


@database.retried
def end(preview: Preview, state: State) -> None:
    """Record what became of a preview, unless another was asked for meanwhile.

    Where its slot's row was deleted meanwhile, its pictures are too.
    """
    with database.transaction() as session:
        session.execute(update(Preview).where(_same(preview)).values(state=state))
        gone = session.get(Preview, preview.key) is None
    if gone:
        blobs.delete_jobs([folder(preview.key)])
