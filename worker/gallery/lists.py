"""Lists of entries: an owner's own and everybody's public ones, filtered, ordered, in pages."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    cast,
    func,
    literal,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

from worker.choices import ColorMode, NetworkName
from worker.errors import Refused
from worker.fit import LARGEST
from worker.gallery.model import ALL, NOTED, PUBLIC, Entry, Shown, folded, shown, valid_id
from worker.jobs import Job
from worker.storage import database

MOST = 100  # entries of one page or one deletion
FURTHEST = 1_000_000  # the highest number a page may have


class Order(StrEnum):
    """The order of a list."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Wanted(BaseModel):
    """Which entries to list; all that is given must hold. Times are epoch seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", max_length=200, description="words in the title or the tags")
    since: float | None = Field(
        default=None, allow_inf_nan=False, description="finished then or later"
    )
    until: float | None = Field(
        default=None, allow_inf_nan=False, description="finished before then"
    )
    style: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="sha256 of a style picture as it is kept; in everybody's gallery one of the "
        "studio's, or of entries that lend theirs",
    )
    network: NetworkName | None = None
    color: ColorMode | None = None
    size: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    favourite: bool | None = Field(default=None, description="in your own gallery only")
    order: Order = Order.NEWEST
    limit: int = Field(default=24, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=80, description="`next` of the page before")
    page: int | None = Field(
        default=None,
        ge=1,
        le=FURTHEST,
        description="a page by its number, in place of `cursor`; the answer then has `total`",
    )


@dataclass(frozen=True)
class Page:
    """Some entries, and the cursor of the page after; None: this was the last.

    `total` is how many there are on all pages, given where a page was asked for by its number.
    """

    entries: list[Shown]
    next: str | None
    total: int | None = None


# ---------------------------------------------------------------- lists


def _has_words(text: str) -> list[ColumnElement[bool]]:
    said = func.coalesce(Entry.title_words + " " + Entry.tag_words, "")
    return [said.contains(word, autoescape=True) for word in folded(text).split()]


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what must hold of an entry, but for whose it is."""
    found = _has_words(wanted.text)
    if wanted.since is not None:
        found.append(Job.finished >= wanted.since)
    if wanted.until is not None:
        found.append(Job.finished < wanted.until)
    if wanted.style is not None:  # digests are all of one length: none is part of another
        found.append(cast(Job.style_digests, String).contains(wanted.style))
    if wanted.network is not None:
        found.append(Job.network == wanted.network)
    if wanted.color is not None:
        found.append(Job.options["color"].as_string() == wanted.color)
    if wanted.size is not None:
        found.append(Job.options["size"].as_integer() == wanted.size)
    if wanted.favourite is not None:
        found.append(func.coalesce(Entry.favourite, False) == wanted.favourite)
    return found


def _page(
    statement: Select[Job, Entry],
    place: tuple[InstrumentedAttribute[Any], ...],
    after: tuple[Any, ...] | None,
    wanted: Wanted,
) -> tuple[list[Shown], int | None]:
    """Return the page's entries and, if there is one, the first of the page after; and the total.

    `place` are the columns that order, `after` their values in the last entry before.
    """
    newest = wanted.order == Order.NEWEST
    statement = statement.where(*_filters(wanted))
    count = statement.with_only_columns(func.count(), maintain_column_froms=True)
    if after is not None:
        here, last = tuple_(*place), tuple_(*map(literal, after))
        statement = statement.where(here < last if newest else here > last)
    ordered = [column.desc() if newest else column.asc() for column in place]
    skipped = ((wanted.page or 1) - 1) * wanted.limit
    statement = statement.order_by(*ordered).limit(wanted.limit + 1).offset(skipped)
    with database.reading() as session:
        found = [shown(job, entry) for job, entry in session.execute(statement)]
        return found, None if wanted.page is None else session.scalar(count)


def _check_place(wanted: Wanted) -> None:
    if wanted.cursor is not None and wanted.page is not None:
        raise Refused("gallery.cursor_and_page")


def _bad_cursor() -> Refused:
    return Refused("gallery.cursor")


def mine(owner: str, wanted: Wanted | None = None) -> Page:
    """List the owner's entries by the time they were submitted; raises `Refused`."""
    wanted = wanted or Wanted()
    after = None if wanted.cursor is None else (valid_id(wanted.cursor),)
    if after == ("",):
        raise _bad_cursor()
    _check_place(wanted)
    found, total = _page(ALL.where(Job.owner == owner), (Job.id,), after, wanted)
    here = found[: wanted.limit]
    return Page(here, here[-1].job.id if len(found) > wanted.limit else None, total)


def _published_before(cursor: str) -> tuple[float, str]:
    published, _, job_id = cursor.partition("_")
    try:
        place = float.fromhex(published), valid_id(job_id)
    except (ValueError, OverflowError):
        raise _bad_cursor() from None
    if not place[1] or not math.isfinite(place[0]):
        raise _bad_cursor()
    return place


def public(wanted: Wanted | None = None, common: Collection[str] = ()) -> Page:
    """List everybody's published entries by the time of that; raises `Refused`.

    Those of a style are those that lend theirs, else who has a picture could ask who used it.
    `common`: sha256 of the styles that everybody may use, of which all are listed.
    """
    wanted = wanted or Wanted()
    if wanted.favourite is not None:
        raise Refused("gallery.favourites")
    after = None if wanted.cursor is None else _published_before(wanted.cursor)
    _check_place(wanted)
    findable = wanted.style is None or wanted.style in common
    listed = NOTED.where(PUBLIC) if findable else NOTED.where(PUBLIC, Entry.lends_styles)
    found, total = _page(listed, (Entry.published, Entry.job_id), after, wanted)
    here = found[: wanted.limit]
    if len(found) <= wanted.limit:
        return Page(here, None, total)
    last = here[-1].entry
    return Page(here, f"{(last.published or 0.0).hex()}_{last.job_id}", total)
