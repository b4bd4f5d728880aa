"""Previews: small pictures that follow the form's controls, at most one a visitor.

One row a visitor, with fixed names for its pictures: a new request replaces the last one. A preview
is no job: it has no queue position, attempts or gallery entry, is made only when no job can be
begun, and is deleted minutes later.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

import uuid_utils
from sqlalchemy import JSON, ColumnElement, Index, and_, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from worker import jobs
from worker.errors import Message
from worker.fit import SMALLEST
from worker.images import images
from worker.images.decoder import STRIP
from worker.images.images import CleanImage
from worker.jobs import queue, service_state
from worker.jobs.submission import found_subject
from worker.options import Options
from worker.settings import settings
from worker.storage import blobs, database, deletions
from worker.storage.database import Base, now
from worker.visitors import rate_limits
from worker.visitors.rate_limits import Visitor

SIDE = 256  # pixels of the shorter side
MOST_PIXELS = 1 << 20  # that a picture of a preview is worked on at
FRESH = 10.0  # seconds; an older request is out of date, since no page waits for it any more
LASTS = 300.0  # seconds without another one; then row and pictures go


class State(StrEnum):
    """The state of a preview; one whose worker was killed is not retried."""

    ASKED = "asked"
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

    def _keys(self, kind: str) -> list[str]:
        return sorted(key for key in self.pictures if key.rpartition("/")[2].startswith(kind))

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


def _asked() -> ColumnElement[bool]:
    return and_(Preview.state == State.ASKED, Preview.asked > now() - FRESH)


def folder(owner: str) -> str:
    """Return the folder of an owner's preview among the jobs' folders."""
    return f"preview-{hashlib.sha256(owner.encode()).hexdigest()[:32]}"


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


def _keep(owner: str, pictures: Mapping[str, CleanImage]) -> dict[str, str]:
    """Store the pictures that are not stored already; return the sha256 of each by its key."""
    with database.reading() as session:
        before = session.get(Preview, owner)
    there = before.pictures if before and before.state != State.FAILED else {}
    digests = {key: hashlib.sha256(one.data).hexdigest() for key, one in pictures.items()}
    new = {key: one.data for key, one in pictures.items() if there.get(key) != digests[key]}
    blobs.put_all(new, durable=False)
    return digests


@database.retried
def _replace(owner: str, values: Mapping[str, Any]) -> None:
    with database.transaction() as session:
        sqlite_here = session.get_bind().dialect.name == "sqlite"
        insert = sqlite.insert(Preview) if sqlite_here else postgresql.insert(Preview)
        row = insert.values(owner=owner, **values)
        session.execute(row.on_conflict_do_update(index_elements=["owner"], set_=values))


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
) -> str:
    """Ask for a preview of small pictures, in place of the visitor's one before; returns its id.

    Raises `Refused`, `TooMany` and `service_state.NotAccepting`.
    """
    service_state.check()
    size = _size(content)
    chosen = Options.read(options or {}, len(styles), len(masks)).model_copy(update={"size": size})
    if chosen.region != "all" and not masks:
        masks = [_subject(content)]
    for what, picture in (
        (jobs.PHOTO, content),
        *((Message("part.style", number=n), style) for n, style in enumerate(styles, 1)),
    ):
        jobs.check_scaled(what, picture, size, MOST_PIXELS)
    rate_limits.consume(visitor, rate_limits.preview())
    digests = _keep(visitor.owner, _named(visitor.owner, content, styles, masks))
    line = jobs.WorkingSize.of(content, size).queue(chosen.network)
    values = {
        "id": str(uuid_utils.uuid7()),
        "state": State.ASKED,
        "asked": now(),
        "queue": line,
        "options": chosen.model_dump(),
        "pictures": digests,
    }
    _replace(visitor.owner, values)
    queue.announce([str(values["id"])], line)
    return str(values["id"])


@queue.counted
def waiting(name: str) -> int:
    """Return how many previews wait in a queue; out-of-date requests are left out."""
    asked = _asked(), Preview.queue == name
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Preview).where(*asked)) or 0


def look(preview_id: str, owner: str) -> State | None:
    """Return how the owner's preview stands; None if another was asked for since, or none ever."""
    with database.reading() as session:
        found = session.get(Preview, owner)
    return State(found.state) if found and found.id == preview_id else None


# ---------------------------------------------------------------- a worker's verbs


@database.retried
def claim() -> Preview | None:
    """Take the oldest requested preview; out-of-date requests are left."""
    first = (
        select(Preview.owner)
        .where(
            _asked(),
            Preview.queue.in_(settings().serving),
            service_state.begins(),
        )
        .order_by(Preview.asked)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = update(Preview).where(Preview.owner == first).values(state=State.BEGUN)
    with database.transaction() as session:
        return session.scalars(
            statement.returning(Preview), execution_options={"synchronize_session": False}
        ).one_or_none()


@database.retried
def end(preview: Preview, state: State) -> None:
    """Record what became of a preview, unless another was asked for meanwhile.

    Where its owner's row was deleted meanwhile, its pictures are too.
    """
    same = Preview.owner == preview.owner, Preview.id == preview.id
    with database.transaction() as session:
        session.execute(update(Preview).where(*same).values(state=state))
        gone = session.get(Preview, preview.owner) is None
    if gone:
        blobs.delete_jobs([folder(preview.owner)])


# ---------------------------------------------------------------- the sweep's verbs


def named(folders: Collection[str]) -> dict[str, set[str]]:
    """Return, for those folders that are a preview's, the keys of the pictures in it."""
    with database.reading() as session:
        rows = session.execute(select(Preview.owner, Preview.pictures)).all()
    found = {folder(owner): {*pictures, result_key(owner)} for owner, pictures in rows}
    return {name: keys for name, keys in found.items() if name in folders}


@database.retried
def forget() -> None:
    """Delete the previews that were followed by none for a while."""
    statement = delete(Preview).where(Preview.asked < now() - LASTS).returning(Preview.owner)
    with database.transaction() as session:
        owners = session.scalars(statement, execution_options={"synchronize_session": False}).all()
        deletions.note(session, [folder(owner) for owner in owners])
    # one that is asked for meanwhile fails, and the next one works
    blobs.delete_jobs(map(folder, owners))
