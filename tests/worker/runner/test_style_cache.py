"""A style is measured once, by whichever worker; what is not kept is measured again."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from sqlalchemy import delete, func, select, update

from adain.catalog import Color
from adain.stylizer import Stylizer
from tests.parts import Setting, picture
from worker import jobs
from worker.jobs import Job, Status
from worker.observability import metrics
from worker.runner import pipeline, style_cache, style_store
from worker.runner.style_store import Measure
from worker.runner.worker import Worker
from worker.storage import blobs, database

SMALL = {"size": 64}
ORANGE, NAVY = picture(70, 70, color="orange"), picture(70, 70, color="navy")


@pytest.fixture(autouse=True)
def one_at_a_time(queued_studio: Path, setting: Setting) -> None:
    setting(micro_batch=1)


def make(style: bytes = ORANGE, photo: str = "teal", **options: object) -> Job:
    content = picture(96, 64, "JPEG", color=photo)
    job = jobs.submit("ann", content, [style], options=SMALL | options)
    pipeline.answer(Worker())
    done = jobs.get(job.id, "ann")
    assert done.status == Status.DONE
    return done


def result(job: Job) -> bytes:
    return blobs.get(job.result_key or "")


def found() -> dict[str, int]:
    return dict.fromkeys(("memory", "store", "measured"), 0) | metrics.styles()


def since(before: dict[str, int]) -> dict[str, int]:
    return {
        where: count - before[where] for where, count in found().items() if count > before[where]
    }


def kept() -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Measure)) or 0


def test_the_second_picture_in_a_style_is_the_same_and_measures_nothing() -> None:
    before = found()
    first, second = make(), make()
    assert since(before) == {"measured": 1, "memory": 1}
    assert result(first) == result(second)
    assert kept() == 1


def test_another_worker_finds_it_in_the_store() -> None:
    first = make()
    style_cache.forget()
    before = found()
    assert result(make()) == result(first)
    assert since(before) == {"store": 1}


def test_style_statistics_survive_encoding_to_bytes() -> None:
    stylizer = Stylizer.load()
    style = stylizer.style(Image.new("RGB", (64, 64), "orange"), 64)
    again = style_cache.as_style(style_cache.as_bytes(style), style.network)
    assert (again.network, again.chroma) == (style.network, style.chroma)
    for one, other in zip(style.levels, again.levels, strict=True):
        assert torch.equal(one.mean, other.mean)
        assert torch.equal(one.spread, other.spread)


@pytest.mark.parametrize(
    "other",
    [{"style": NAVY}, {"strokes": 0}, {"strokes": 0, "size": 72}, {"color": "content"}],
    ids=lambda other: " and ".join(other),
)
def test_what_a_measure_depends_on_is_in_its_name(other: dict[str, object]) -> None:
    make()
    before = found()
    make(**other)  # type: ignore[arg-type]
    assert since(before) == {"measured": 1}


def test_style_statistics_serve_every_size_and_breadth_of_strokes() -> None:
    make()
    before = found()
    make(size=72)
    make(strokes=2)
    assert since(before) == {"memory": 2}


def test_a_style_in_the_photos_colours_is_kept_for_that_photo_alone() -> None:
    before = found()
    first = make(color="content", photo="teal")
    make(color="content", photo="teal", alpha=0.5)
    assert since(before) == {"measured": 1, "memory": 1}
    make(color="content", photo="maroon")
    assert since(before) == {"measured": 2, "memory": 1}
    assert result(make()) != result(first)


def test_colours_matched_before_or_meanwhile_are_the_same() -> None:
    job = make(color="content")
    stylizer = Stylizer.load()
    asked = Worker().prepare(job)
    styles_ = [Image.open(file(key)) for key in job.style_keys]
    whole = replace(asked.request, styles=styles_, color=Color.CONTENT)
    [at_once] = stylizer.stylize([whole])
    assert Image.open(file(job.result_key or "")).tobytes() == at_once.tobytes()


def file(key: str) -> io.BytesIO:
    return io.BytesIO(blobs.get(key))


def test_without_the_store_pictures_are_made_all_the_same() -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql("DROP TABLE styles")
    make()


def test_what_is_in_the_store_and_is_no_measure_is_measured_again() -> None:
    first = make()
    style_cache.forget()
    with database.transaction() as session:
        session.execute(update(Measure).values(data=b"damaged"))
    before = found()
    assert result(make()) == result(first)
    assert since(before) == {"measured": 1}


def test_a_style_store_of_size_0_keeps_nothing(setting: Setting) -> None:
    setting(styles_kept=0)
    make()
    assert kept() == 0


def test_the_sweep_deletes_the_oldest_of_too_many_and_what_is_too_old(setting: Setting) -> None:
    setting(styles_kept=3, styles_days=7)
    for number in range(5):
        style_store.keep(f"key-{number}", b"data")
        with database.transaction() as session:
            age = Measure.made - 60 * (5 - number)
            session.execute(update(Measure).where(Measure.key == f"key-{number}").values(made=age))
    style_store.forget()
    assert [style_store.find(f"key-{n}") is not None for n in range(5)] == [False] * 2 + [True] * 3
    with database.transaction() as session:
        session.execute(update(Measure).values(made=Measure.made - 8 * 86400))
    style_store.forget()
    assert kept() == 0


def test_the_memory_holds_a_number_and_forgets_what_was_not_used() -> None:
    style = Stylizer.load().style(Image.new("RGB", (64, 64)), 64)
    for number in range(style_cache._MOST + 1):
        style_cache.measure(f"key-{number}", lambda: style)
        style_cache.measure("key-0", lambda: style)
    with database.transaction() as session:
        session.execute(delete(Measure))
    assert style_cache.find("key-0", style.network) is not None
    assert style_cache.find("key-1", style.network) is None
