"""A disk without room: what is refused before it is full, and what empties it when it is."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from tests.parts import Setting, picture
from worker.gallery import recent_styles
from worker.images import images
from worker.maintenance import sweep
from worker.storage import blobs, database, free_space
from worker.storage.blobs import StorageFull
from worker.visitors import admission, previews, uploads
from worker.visitors.rate_limits import Visitor

ANN = Visitor("ann", "here")


def _fill(size: int) -> None:
    """Insert rows of this size until there is no room for another."""
    with pytest.raises(OperationalError, match="disk is full"):  # noqa: PT012
        while True:
            with database.transaction() as session:
                session.execute(text("INSERT INTO filler VALUES (:line)"), {"line": "x" * size})


@contextmanager
def full_database() -> Iterator[None]:
    """Let the database's file not grow, and fill what is free in it."""
    with database.transaction() as session:
        session.execute(text("CREATE TABLE filler (line TEXT)"))
    most = [1]  # SQLite takes the present size for what is less

    def limited(connection: Any, *_: object) -> None:  # noqa: ANN401, sqlite3's
        connection.execute(f"PRAGMA max_page_count={most[0]}")

    for engine in (database.engine(), database.durable_engine()):
        engine.dispose()
        event.listen(engine, "connect", limited)
    for size in (100_000, 3000, 30):
        _fill(size)
    yield
    most[0] = 1 << 30
    for engine in (database.engine(), database.durable_engine()):
        engine.dispose()
        event.remove(engine, "connect", limited)


def ask(owner: str) -> str:
    small = images.small(picture(600, 400), previews.SIDE)
    return previews.ask(Visitor(owner, "here"), small, [small])


def age(files: Iterator[Path], seconds: float) -> None:
    for file in files:
        os.utime(file, (time.time() - seconds,) * 2)


def test_a_full_disk_is_emptied_of_old_previews_and_uploads_and_works_again(
    studio: Path, setting: Setting
) -> None:
    for number in range(3):
        ask(f"cookie-{number}")
    upload = uploads.folder() / uploads.keep("ann", picture())
    age(studio.glob("blobs/preview-*/*"), 3600)
    age(iter([upload]), 100 * 3600)
    ask("bob")
    setting(min_free_bytes=1 << 60)
    process = sweep.Sweep()
    process._warnings = ["as long as takes a page of the database's"] * 500
    with full_database():
        assert not process.once()  # it can't write that it leads
        assert not upload.exists()
        assert [path.name for path in (studio / "blobs").glob("preview-*")] == [
            previews.folder("bob")
        ]
    setting(min_free_bytes=0)
    assert process.once()
    assert previews.look(ask("cookie-0"), "cookie-0") == previews.State.ASKED


def _job() -> object:
    return admission.submit(ANN, picture(), [picture()])


def _batch() -> object:
    source = images.source(picture())
    return admission.submit_batch(ANN, [source], [source])


def _upload() -> object:
    return uploads.keep("ann", picture())


def _preview() -> object:
    return ask("ann")


@pytest.mark.parametrize("verb", [_job, _batch, _upload, _preview])
def test_pictures_of_visitors_leave_room_for_the_database(
    studio: Path, setting: Setting, verb: Callable[[], object]
) -> None:
    setting(min_free_bytes=1 << 60)
    with pytest.raises(StorageFull):
        verb()
    assert [path for path in studio.rglob("*.*") if path.suffix in {".png", ".jpg"}] == []
    assert not uploads.folder().exists() or not any(uploads.folder().iterdir())
    assert any("STUDIO_MIN_FREE_BYTES" in warning for warning in sweep.tidy())
    setting(min_free_bytes=0)
    assert verb()


def test_a_small_picture_of_a_style_leaves_room_for_the_database(
    studio: Path, setting: Setting
) -> None:
    job = admission.submit(ANN, picture(), [picture()])
    setting(min_free_bytes=1 << 60)
    with pytest.raises(StorageFull):
        recent_styles.small(job, 0)
    setting(min_free_bytes=0)
    assert blobs.exists(recent_styles.small(job, 0))


def test_of_a_small_disk_a_tenth_is_reserved(studio: Path, setting: Setting) -> None:
    setting(min_free_bytes=64 << 20)
    assert free_space.reserved(90 << 20) == 9 << 20
    assert free_space.reserved(900 << 20) == 64 << 20
