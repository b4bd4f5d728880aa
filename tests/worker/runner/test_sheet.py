"""Contact sheets: painted in groups of pictures, and given back in between."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adain.files import samples
from adain.request import Request
from adain.stylizer import Stylizer
from tests.parts import Setting, picture
from worker import jobs
from worker.images import images
from worker.jobs import Job, Status, queue
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.storage import blobs
from worker.visitors import accounts, preview_claims, previews
from worker.visitors.previews import State
from worker.visitors.rate_limits import Visitor

ANN = Visitor("ann", "here")
STYLES = [*samples.names("styles")[:10]]

Meanwhile = Callable[[Callable[[], object]], list[int]]


@pytest.fixture(autouse=True)
def worker(queued_studio: Path, setting: Setting) -> Iterator[Worker]:
    """A worker in the test's own process."""
    setting(heartbeat_seconds=0.05, lease_seconds=60)
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Let something happen once, while the first pictures are painted; how many were at once."""
    painted: list[int] = []
    stylize = Stylizer.stylize

    def of(happens: Callable[[], object]) -> list[int]:
        def stylized(
            self: Stylizer,
            requests: Sequence[Request],
            *more: Any,  # noqa: ANN401
        ) -> list[Image.Image]:
            painted.append(len(requests))
            if len(painted) == 1:
                happens()
            return stylize(self, requests, *more)

        monkeypatch.setattr(Stylizer, "stylize", stylized)
        return painted

    return of


def ask(width: int = 96, height: int = 64) -> str:
    photo = images.small(picture(width, height), previews.SIDE)
    return previews.ask_sheet(ANN, photo, STYLES, {})


def submit() -> Job:
    photo, style = picture(96, 64, "JPEG"), picture(70, 70, color="orange")
    return jobs.submit("bob", photo, [style], options={"size": 64})


def test_on_an_idle_machine_a_sheet_is_made_at_once(worker: Worker, meanwhile: Meanwhile) -> None:
    painted = meanwhile(lambda: None)
    asked = ask()
    pipeline.answer(worker)
    assert previews.look(asked, "ann") == State.MADE
    assert painted == [4, 4, 2]


def test_a_long_photo_is_painted_in_one_style_at_a_time(
    worker: Worker, meanwhile: Meanwhile
) -> None:
    painted = meanwhile(lambda: None)
    asked = ask(256, 1020)
    pipeline.answer(worker)
    assert previews.look(asked, "ann") == State.MADE
    assert painted == [1] * 10


def test_a_sheet_gives_way_to_a_job_and_is_painted_on_later(
    worker: Worker, meanwhile: Meanwhile
) -> None:
    submitted: list[Job] = []
    painted = meanwhile(lambda: submitted.append(submit()))
    asked = ask()
    sent = queue.depth()
    pipeline.answer(worker)
    assert previews.look(asked, "ann") == State.SHEET_ASKED
    assert painted == [4]
    assert queue.depth() == sent + 1  # the job's: as many as wait, with the sheet's own
    pipeline.answer(worker)
    assert jobs.get(submitted[0].id, "bob").status == Status.DONE
    pipeline.answer(worker)
    assert previews.look(asked, "ann") == State.MADE
    assert painted == [4, 1, 4, 2]
    with Image.open(io.BytesIO(blobs.get(previews.result_key("ann")))) as made:
        assert made.size == (384, len(STYLES) * 256)


def test_a_sheet_gives_way_to_a_preview_of_another_visitor(
    worker: Worker, meanwhile: Meanwhile
) -> None:
    small = images.small(picture(96, 64), previews.SIDE)
    other: list[str] = []
    painted = meanwhile(lambda: other.append(previews.ask(Visitor("bob"), small, [small])))
    asked = ask()
    pipeline.answer(worker)
    assert painted == [4]
    pipeline.answer(worker)
    assert previews.look(other[0], "bob") == State.MADE
    pipeline.answer(worker)
    assert previews.look(asked, "ann") == State.MADE
    assert painted == [4, 1, 4, 2]


def test_a_sheet_that_was_replaced_is_painted_no_further(
    worker: Worker, meanwhile: Meanwhile
) -> None:
    latest: list[str] = []
    painted = meanwhile(lambda: latest.append(ask()))
    ask()
    pipeline.answer(worker)
    assert painted == [4]
    assert previews.look(latest[0], "ann") == State.SHEET_ASKED
    pipeline.answer(worker)
    assert previews.look(latest[0], "ann") == State.MADE
    assert painted == [4, 4, 4, 2]  # from its beginning


def test_a_sheet_whose_owner_deletes_everything_is_painted_no_further(
    worker: Worker, meanwhile: Meanwhile
) -> None:
    painted = meanwhile(lambda: accounts.remove("ann"))
    ask()
    pipeline.answer(worker)
    assert painted == [4]
    assert preview_claims.claim() is None


def test_a_worker_that_is_to_end_leaves_the_sheet_to_others(
    worker: Worker, meanwhile: Meanwhile
) -> None:
    painted = meanwhile(worker.stop_claiming.set)
    asked = ask()
    pipeline.answer(worker)
    assert painted == [4]
    assert previews.look(asked, "ann") == State.SHEET_ASKED
