"""Previews: small pictures that follow the form's controls, at most one a visitor.

One row a visitor, with fixed names for its pictures: a new request replaces the last one. A preview
is no job: it has no queue position, attempts or gallery entry, is made only when no job can be
begun (`preview_claims.py`), and is deleted minutes later. All together take `previews_bytes` of the
disk at most: beyond that the oldest of the address that keeps most goes, whatever cookies it has.
"""

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import uuid_utils
from sqlalchemy import JSON, BigInteger, ColumnElement, Index, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from adain.catalog import DEFAULT_METHOD
from worker import jobs
from worker.errors import Message
from worker.fit import SMALLEST
from worker.images import images
from worker.images.decoder import STRIP
from worker.images.images import CleanImage
from worker.jobs import queue, service_state
from worker.jobs.submission import found_subject
from worker.options import BROADEST, USUAL, Options
from worker.storage import blobs, database, disk, free_space
from worker.storage.blobs import StorageFull
from worker.storage.database import Base, now
from worker.visitors import fairness, limit_overrides, rate_limits
from worker.visitors.rate_limits import Visitor

SIDE = 256  # pixels of the shorter side
MOST_PIXELS = 1 << 20  # that a picture of a preview is worked on at
FRESH = 10.0  # seconds; an older request is out of date, since no page waits for it any more
SHEET_FRESH = 120.0  # seconds; the same of a contact sheet
RESULT_BYTES = 2  # for each pixel; a result has less, at the JPEG's quality
LASTS = 300.0  # seconds without another one; then row and pictures go
FILES_LAST = 2 * LASTS  # seconds; files of this age have no use, whatever the rows say
START = "preview-"  # of the folders' names


class State(StrEnum):
    """The state of a preview; one whose worker was killed is not retried."""

    ASKED = "asked"
    SHEET_ASKED = "sheet"  # for several pictures; earlier programs leave it alone
    BEGUN = "begun"
    MADE = "made"
    FAILED = "failed"


class Preview(Base):
    """The latest preview that a visitor asked for."""

    __tablename__ = "previews"
    __table_args__ = (Index("previews_in_line", "state", "asked"),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str]
    state: Mapped[str]
    asked: Mapped[float]
    queue: Mapped[str]  # which kind of worker makes it
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    pictures: Mapped[dict[str, str]] = mapped_column(JSON)  # sha256 by key
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # of the disk, the result's included
    origin: Mapped[str | None] = mapped_column(default=None)  # the address, as in `rate_limits`

    def _keys(self, kind: str) -> list[str]:
        return sorted(key for key in self.pictures if key.rpartition("/")[2].startswith(kind))

    @property
    def sheet(self) -> list[str]:
        """The names of a contact sheet's styles; [] for what is none."""
        return list(self.options.get("sheet", []))

    def own_style(self, name: str) -> str | None:
        """Return the key of a contact sheet's style that came with it; None: it is a sample."""
        place = self.sheet.index(name)
        return next((key for key in self.style_keys if f"/style-{place}." in key), None)

    @property
    def content_key(self) -> str:
        """The photo's key; this and those below as a job has them."""
        return self._keys("content")[0]

    @property
    def style_keys(self) -> list[str]:
        return self._keys("style")

    @property
    def style_digests(self) -> list[str]:
        return [self.pictures[key] for key in self.style_keys]

    @property
    def mask_keys(self) -> list[str]:
        return self._keys("mask")


def is_asked() -> ColumnElement[bool]:
    """True for a preview that may be begun."""
    return and_(Preview.state == State.ASKED, Preview.asked > now() - FRESH)


def is_sheet_asked() -> ColumnElement[bool]:
    """True for a contact sheet that may be begun, or gone on with."""
    return and_(Preview.state == State.SHEET_ASKED, Preview.asked > now() - SHEET_FRESH)


def folder(owner: str) -> str:
    """Return the folder of an owner's preview among the jobs' folders."""
    return f"{START}{hashlib.sha256(owner.encode()).hexdigest()[:32]}"


def result_key(owner: str) -> str:
    """Return the key of an owner's preview once it is made; a later one takes its place."""
    return f"{folder(owner)}/result.jpg"


# ---------------------------------------------------------------- ask


def _named(
    owner: str, content: CleanImage, styles: Sequence[CleanImage], masks: Sequence[CleanImage]
) -> dict[str, CleanImage]:
    pictures = {"content": content}
    pictures |= {f"style-{place}": style for place, style in enumerate(styles)}
    pictures |= {f"mask-{place}": mask for place, mask in enumerate(masks)}
    return {
        f"{folder(owner)}/{name}.{picture.suffix}": picture for name, picture in pictures.items()
    }


def _size(content: CleanImage) -> int:
    """Return the shorter side at which a preview is made: less than `SIDE` for a strip."""
    short, long = sorted((content.width, content.height))
    return min(SIDE, max(SMALLEST, STRIP * SIDE * short // long))


def _counted(pictures: Mapping[str, CleanImage], options: Options, times: int) -> int:
    """Return the bytes that the pictures take of the disk, with so many results to come."""
    content = next(one for key, one in pictures.items() if "/content." in key)
    result = times * RESULT_BYTES * jobs.WorkingSize.of(content, options.size).pixels
    return disk.counted(result, *(len(one.data) for one in pictures.values()))


_account = func.coalesce(func.nullif(Preview.origin, ""), Preview.owner)  # whose bytes they are


def _oldest(session: Session, owner: str, account: str) -> Iterator[tuple[str, int]]:
    """Yield owner and bytes of an account's previews, the oldest first, but for one owner's."""
    others = select(Preview.owner, Preview.bytes).where(_account == account, Preview.owner != owner)
    yield from ((one, size) for one, size in session.execute(others.order_by(Preview.asked)))


def _evict(session: Session, visitor: Visitor, coming: int) -> list[str]:
    """Delete the rows that give way to so many bytes of a visitor's; returns their owners.

    Raises `StorageFull` where all others keep less.
    """
    [most] = limit_overrides.of("previews_bytes")
    if not most:
        return []
    if coming > most:
        raise StorageFull
    sums = select(_account, func.sum(Preview.bytes)).where(Preview.owner != visitor.owner)
    kept = {account: int(size) for account, size in session.execute(sums.group_by(_account))}
    over = sum(kept.values()) + coming - most
    if over <= 0:
        return []
    asks = fairness.Asks(visitor.origin or visitor.owner, coming)
    gone = fairness.chosen(session, asks, kept, partial(_oldest, session, visitor.owner), over)
    if gone is None:
        raise StorageFull
    for some in database.parts(gone):
        session.execute(
            delete(Preview).where(Preview.owner.in_(some)),
            execution_options={"synchronize_session": False},
        )
    return gone


def _put(session: Session, owner: str, values: Mapping[str, Any]) -> None:
    sqlite_here = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(Preview) if sqlite_here else postgresql.insert(Preview)
    row = insert.values(owner=owner, **values)
    session.execute(row.on_conflict_do_update(index_elements=["owner"], set_=values))


@database.retried
def _reserve(visitor: Visitor, values: Mapping[str, Any]) -> list[str]:
    """Insert a row that no worker claims yet, evicting others; return their owners."""
    with database.transaction() as session:
        rate_limits.lock(session, "previews")  # of two at once the second counts the first
        gone = _evict(session, visitor, values["bytes"])
        service_state.check_in(session)
        _put(session, visitor.owner, {**values, "state": State.FAILED})
    return gone


@database.retried
def _ask(owner: str, values: Mapping[str, Any]) -> None:
    """Let the preview be claimed."""
    with database.transaction() as session:
        _put(session, owner, values)


def _lying(owner: str) -> dict[str, str]:
    """Return the sha256 of the pictures that are stored already, by key."""
    with database.reading() as session:
        before = session.get(Preview, owner)
    return before.pictures if before and before.state != State.FAILED else {}


def _keep(
    visitor: Visitor, pictures: Mapping[str, CleanImage], values: Mapping[str, Any], paid: int
) -> None:
    """Store the pictures that are not stored already, and the row; raises as `ask` does."""
    lying, digests = _lying(visitor.owner), values["pictures"]
    new = {key: one.data for key, one in pictures.items() if lying.get(key) != digests[key]}
    size = disk.counted(*map(len, new.values())) if new else 0
    free_space.check(size)
    rate_limits.consume(visitor, rate_limits.kept(size, paid))
    blobs.delete_jobs(map(folder, _reserve(visitor, values)))
    blobs.put_all(new, durable=False)
    _ask(visitor.owner, values)


def _subject(content: CleanImage) -> CleanImage:
    """Return a mask that is white on a small photo's subject; raises `Refused`."""
    mask = found_subject(images.source(content.data))
    return images.small_mask(mask, (content.width, content.height))


def ask(
    visitor: Visitor,
    content: CleanImage,
    styles: Sequence[CleanImage],
    masks: Sequence[CleanImage] = (),
    options: object = None,
    paid: int = 0,
) -> str:
    """Ask for a preview of small pictures, in place of the visitor's one before; returns its id.

    `paid`: bytes sent that the visitor's limit was charged for already. Raises `Refused`,
    `TooMany`, `StorageFull` and `service_state.NotAccepting`.
    """
    service_state.check()
    size = _size(content)
    chosen = Options.read(options or {}, len(styles), len(masks)).model_copy(
        update={"size": size, "method": DEFAULT_METHOD}
    )
    if chosen.region != "all" and not masks:
        masks = [_subject(content)]
    for what, picture in (
        (jobs.PHOTO, content),
        *((Message("part.style", number=n), style) for n, style in enumerate(styles, 1)),
    ):
        jobs.check_scaled(what, picture, size, MOST_PIXELS)
    pictures = _named(visitor.owner, content, styles, masks)
    return _stored(visitor, pictures, content, chosen, {"state": State.ASKED}, paid)


def ask_sheet(
    visitor: Visitor,
    content: CleanImage,
    styles: Sequence[str],
    options: object,
    own: Mapping[str, CleanImage] | None = None,
) -> str:
    """Ask for a contact sheet: a small photo in each of some styles, in one picture.

    It is a preview in place of the visitor's one before; they stand below each other in the order
    of `styles`, names of samples or of pictures in `own`. Returns its id; raises as `ask` does.
    """
    service_state.check()
    size = _size(content)
    chosen = Options.read(options, 1, 0)
    broad = min(
        max(chosen.strokes, USUAL / size), BROADEST
    )  # finer ones would take four times as long
    chosen = chosen.model_copy(
        update={"size": size, "strokes": chosen.strokes and broad, "method": DEFAULT_METHOD}
    )
    jobs.check_scaled(jobs.PHOTO, content, size, MOST_PIXELS)
    pictures = _named(visitor.owner, content, [], [])
    for name, style in (own or {}).items():
        place = styles.index(name)
        pictures[f"{folder(visitor.owner)}/style-{place}.{style.suffix}"] = style
    more = {"state": State.SHEET_ASKED, "options": {**chosen.model_dump(), "sheet": [*styles]}}
    return _stored(visitor, pictures, content, chosen, more, 0)


def _stored(
    visitor: Visitor,
    pictures: Mapping[str, CleanImage],
    content: CleanImage,
    chosen: Options,
    more: Mapping[str, Any],
    paid: int,
) -> str:
    """Store what was asked for and tell the workers; returns its id."""
    count = len(more.get("options", {}).get("sheet", [0]))
    rate_limits.consume(visitor, rate_limits.previews(count))
    line = jobs.WorkingSize.of(content, chosen.size).queue(chosen.network)
    values = {
        "id": str(uuid_utils.uuid7()),
        "asked": now(),
        "queue": line,
        "options": chosen.model_dump(),
        "pictures": {key: hashlib.sha256(one.data).hexdigest() for key, one in pictures.items()},
        "origin": visitor.origin,
        **more,
    }
    values["bytes"] = _counted(pictures, chosen, count)
    _keep(visitor, pictures, values, paid)
    queue.announce([str(values["id"])], line)
    return str(values["id"])


@queue.counted
def waiting(name: str) -> int:
    """Return how many previews wait in a queue; out-of-date requests are left out."""
    asked = or_(is_asked(), is_sheet_asked()), Preview.queue == name
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Preview).where(*asked)) or 0


def look(preview_id: str, owner: str) -> State | None:
    """Return how the owner's preview stands; None if another was asked for since, or none ever."""
    with database.reading() as session:
        found = session.get(Preview, owner)
    return State(found.state) if found and found.id == preview_id else None


# ---------------------------------------------------------------- the sweep's verbs


def named(folders: Collection[str]) -> dict[str, set[str]]:
    """Return, for those folders that are a preview's, the keys of the pictures in it."""
    with database.reading() as session:
        rows = session.execute(select(Preview.owner, Preview.pictures)).all()
    found = {folder(owner): {*pictures, result_key(owner)} for owner, pictures in rows}
    return {name: keys for name, keys in found.items() if name in folders}


def abandoned(changed: Mapping[str, float]) -> set[str]:
    """Return those folders without a row that are a preview's and old.

    `changed`: when something in a folder was written last.
    """
    old = database.time() - FILES_LAST
    return {name for name, last in changed.items() if name.startswith(START) and last < old}


@database.retried
def forget() -> None:
    """Delete the previews that were followed by none for a while."""
    statement = delete(Preview).where(Preview.asked < now() - LASTS).returning(Preview.owner)
    with database.transaction() as session:
        owners = session.scalars(statement, execution_options={"synchronize_session": False}).all()
    # one that is asked for meanwhile fails, and the next one works
    blobs.delete_jobs(map(folder, owners))


def delete_old_files() -> None:
    """Delete pictures of previews by the age of their files alone.

    Writes nothing, so that a full disk does not keep it from being emptied.
    """
    blobs.delete_old(START, time.time() - FILES_LAST)
