"""Previews: small pictures that follow the form's controls, at most one a slot of a visitor.

Each tab of the page is a slot, `SLOTS` a visitor at most: then the oldest goes. One row a slot,
with fixed names for its pictures: a new request replaces the last one. A preview
is no job: it has no queue position, attempts or gallery entry, is made only when no job can be
begun (`preview_claims.py`), and is deleted minutes later. All together take `previews_bytes` of the
disk at most: beyond that the oldest of the address that keeps most goes, whatever cookies it has.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import uuid_utils
from sqlalchemy import JSON, BigInteger, ColumnElement, Index, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column

from adain.catalog import DEFAULT_METHOD
from worker import jobs
from worker.errors import Message
from worker.fit import SMALLEST
from worker.gallery import taught_styles
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
SLOTS = 4  # previews of one visitor at a time
MOST_PIXELS = 1 << 20  # that a picture of a preview is worked on at
FRESH = 10.0  # seconds; an older request is out of date, since no page waits for it any more
SHEET_FRESH = 120.0  # seconds; the same of a contact sheet
RESULT_BYTES = 2  # for each pixel; a result has less, at the JPEG's quality
LASTS = 300.0  # seconds without another one; then row and pictures go
START = "preview-"  # of the folders' names


class State(StrEnum):
    """The state of a preview; one whose worker was killed is not retried."""

    ASKED = "asked"
    SHEET_ASKED = "sheet"  # for several pictures; earlier programs leave it alone
    BEGUN = "begun"
    MADE = "made"
    FAILED = "failed"


class Preview(Base):
    """The latest preview that a visitor asked for in a slot."""

    __tablename__ = "previews"
    __table_args__ = (
        Index("previews_in_line", "state", "asked"),
        Index("previews_of_visitor", "visitor"),
    )

    key: Mapped[str] = mapped_column("owner", primary_key=True)  # `key_of`; earlier: the owner
    visitor: Mapped[str | None]  # the owner; None: an earlier program wrote the row
    id: Mapped[str]
    state: Mapped[str]
    asked: Mapped[float]
    queue: Mapped[str]  # which kind of worker makes it
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    pictures: Mapped[dict[str, str]] = mapped_column(JSON)  # sha256 by key
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # of the disk, the result's included
    origin: Mapped[str | None] = mapped_column(default=None)  # the address, as in `rate_limits`

    @hybrid_property
    def owner(self) -> str:
        """Whose preview it is."""
        return self.visitor or self.key

    @owner.inplace.expression
    @classmethod
    def _owner(cls) -> ColumnElement[str]:
        return func.coalesce(cls.visitor, cls.key)

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


def key_of(owner: str, slot: str = "") -> str:
    """Return the key of the row of an owner's slot; any text may be given for the slot."""
    return f"{owner} {hashlib.sha256(slot.encode()).hexdigest()[:16]}" if slot else owner


def of(owner: str) -> ColumnElement[bool]:
    """True for a preview of an owner's, by the indexed columns."""
    return or_(Preview.visitor == owner, Preview.key == owner)


def folder(key: str) -> str:
    """Return the folder of a preview, by its row's key, among the jobs' folders."""
    return f"{START}{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def result_key(key: str) -> str:
    """Return the key of a preview's picture once it is made; a later one takes its place."""
    return f"{folder(key)}/result.jpg"


# ---------------------------------------------------------------- ask


def _named(
    key: str, content: CleanImage, styles: Sequence[CleanImage], masks: Sequence[CleanImage]
) -> dict[str, CleanImage]:
    pictures = {"content": content}
    pictures |= {f"style-{place}": style for place, style in enumerate(styles)}
    pictures |= {f"mask-{place}": mask for place, mask in enumerate(masks)}
    return {f"{folder(key)}/{name}.{picture.suffix}": picture for name, picture in pictures.items()}


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


def _oldest(session: Session, key: str, account: str) -> Iterator[tuple[str, int]]:
    """Yield key and bytes of an account's previews, the oldest first, but for one of them."""
    others = select(Preview.key, Preview.bytes).where(_account == account, Preview.key != key)
    yield from ((one, size) for one, size in session.execute(others.order_by(Preview.asked)))


def _delete(session: Session, keys: Sequence[str]) -> None:
    for some in database.parts(keys):
        session.execute(
            delete(Preview).where(Preview.key.in_(some)),
            execution_options={"synchronize_session": False},
        )


def _free_slot(session: Session, owner: str, key: str) -> list[str]:
    """Delete the owner's oldest rows if there is no slot for another; returns their keys."""
    others = select(Preview.key).where(of(owner), Preview.key != key)
    latest = others.order_by(Preview.asked.desc(), Preview.key)
    gone = list(session.scalars(latest.offset(SLOTS - 1)))
    _delete(session, gone)
    return gone


def _evict(session: Session, visitor: Visitor, key: str, coming: int) -> list[str]:
    """Delete the rows that give way to so many bytes of a visitor's; returns their keys.

    `key`: of the row that is replaced. Raises `StorageFull` where all others keep less.
    """
    [most] = limit_overrides.of("previews_bytes")
    if not most:
        return []
    if coming > most:
        raise StorageFull
    sums = select(_account, func.sum(Preview.bytes)).where(Preview.key != key)
    kept = {account: int(size) for account, size in session.execute(sums.group_by(_account))}
    over = sum(kept.values()) + coming - most
    if over <= 0:
        return []
    asks = fairness.Asks(visitor.origin or visitor.owner, coming)
    gone = fairness.chosen(session, asks, kept, partial(_oldest, session, key), over)
    if gone is None:
        raise StorageFull
    _delete(session, gone)
    return gone


def _put(session: Session, key: str, values: Mapping[str, Any]) -> None:
    sqlite_here = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(Preview) if sqlite_here else postgresql.insert(Preview)
    row = insert.values({Preview.key: key, **values})
    session.execute(row.on_conflict_do_update(index_elements=["owner"], set_=values))


@database.retried
def _reserve(visitor: Visitor, key: str, values: Mapping[str, Any]) -> list[str]:
    """Insert a row that no worker claims yet, evicting others; return their keys."""
    with database.transaction() as session:
        rate_limits.lock(session, "previews")  # of two at once the second counts the first
        gone = _free_slot(session, visitor.owner, key)
        gone += _evict(session, visitor, key, values["bytes"])
        service_state.check_in(session)
        _put(session, key, {**values, "state": State.FAILED})
    return gone


@database.retried
def _ask(key: str, values: Mapping[str, Any]) -> None:
    """Let the preview be claimed."""
    with database.transaction() as session:
        _put(session, key, values)


def _lying(key: str) -> dict[str, str]:
    """Return the sha256 of the pictures that are stored already, by key."""
    with database.reading() as session:
        before = session.get(Preview, key)
    return before.pictures if before and before.state != State.FAILED else {}


def _keep(
    visitor: Visitor,
    key: str,
    pictures: Mapping[str, CleanImage],
    values: Mapping[str, Any],
    paid: int,
) -> None:
    """Store the pictures that are not stored already, and the row; raises as `ask` does."""
    lying, digests = _lying(key), values["pictures"]
    new = {name: one.data for name, one in pictures.items() if lying.get(name) != digests[name]}
    size = disk.counted(*map(len, new.values())) if new else 0
    free_space.check(size)
    rate_limits.consume(visitor, rate_limits.kept(size, paid))
    blobs.delete_jobs(map(folder, _reserve(visitor, key, values)))
    blobs.put_all(new, durable=False)
    _ask(key, values)


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
    slot: str = "",
) -> str:
    """Ask for a preview of small pictures, in place of the slot's one before; returns its id.

    `paid`: bytes sent that the visitor's limit was charged for already. Raises `Refused`,
    `TooMany`, `StorageFull` and `service_state.NotAccepting`.
    """
    service_state.check()
    size, (options, _) = _size(content), taught_styles.chosen(visitor.owner, options)
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
    key = key_of(visitor.owner, slot)
    pictures = _named(key, content, styles, masks)
    return _stored(visitor, key, pictures, content, chosen, {"state": State.ASKED}, paid)


def ask_sheet(
    visitor: Visitor,
    content: CleanImage,
    styles: Sequence[str],
    options: object,
    own: Mapping[str, CleanImage] | None = None,
    slot: str = "",
) -> str:
    """Ask for a contact sheet: a small photo in each of some styles, in one picture.

    It is a preview in place of the slot's one before; they stand below each other in the order
    of `styles`, names of samples or of pictures in `own`. Returns its id; raises as `ask` does.
    """
    service_state.check()
    size = _size(content)
    chosen = Options.read(options, 1, 0)
    broad = min(
        max(chosen.strokes, USUAL / size), BROADEST
    )  # finer ones would take four times as long
    chosen = chosen.model_copy(
        update={
            "size": size,
            "strokes": chosen.strokes and broad,
            "method": DEFAULT_METHOD,
            "taught": "",
        }
    )
    jobs.check_scaled(jobs.PHOTO, content, size, MOST_PIXELS)
    key = key_of(visitor.owner, slot)
    pictures = _named(key, content, [], [])
    for name, style in (own or {}).items():
        place = styles.index(name)
        pictures[f"{folder(key)}/style-{place}.{style.suffix}"] = style
    more = {"state": State.SHEET_ASKED, "options": {**chosen.model_dump(), "sheet": [*styles]}}
    return _stored(visitor, key, pictures, content, chosen, more, 0)


def _stored(
    visitor: Visitor,
    key: str,
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
        "pictures": {name: hashlib.sha256(one.data).hexdigest() for name, one in pictures.items()},
        "visitor": visitor.owner,
        "origin": visitor.origin,
        **more,
    }
    values["bytes"] = _counted(pictures, chosen, count)
    _keep(visitor, key, pictures, values, paid)
    queue.announce([str(values["id"])], line)
    return str(values["id"])


@queue.counted
def waiting(name: str) -> int:
    """Return how many previews wait in a queue; out-of-date requests are left out."""
    asked = or_(is_asked(), is_sheet_asked()), Preview.queue == name
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Preview).where(*asked)) or 0


def find(preview_id: str, owner: str) -> Preview | None:
    """Return an owner's preview; None if another was asked for in its slot, or none ever."""
    with database.reading() as session:
        return session.scalar(select(Preview).where(of(owner), Preview.id == preview_id))


def look(preview_id: str, owner: str) -> State | None:
    """Return how the owner's preview stands, None as `find` does."""
    found = find(preview_id, owner)
    return State(found.state) if found else None
