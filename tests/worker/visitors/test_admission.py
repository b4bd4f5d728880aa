"""Pictures that are kept here are used again, however large our own encoding of them is."""

import io
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image
from sqlalchemy.orm import Session

from tests.parts import Setting, picture, pictured
from web.api import previews
from web.http import references
from worker import jobs
from worker.errors import Refused
from worker.gallery import recent_styles
from worker.images import images
from worker.images.images import ImageRejected, Source
from worker.jobs import Job, service_state
from worker.storage import blobs
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor

ANN = Visitor("ann")
SIDE = 300


def sent(*, lossless: bool = False) -> bytes:
    """Return a WebP of noise, which is kept as a larger JPEG, or as a PNG if it is lossless."""
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "WEBP", quality=10, lossless=lossless)
    return out.getvalue()


@pytest.fixture
def grown(studio: Path, setting: Setting) -> Job:
    """A job all of whose stored pictures are larger than an upload may be."""
    data = sent()
    setting(max_upload_bytes=len(data))
    job = admission.submit(ANN, data, [data], [data], options={"size": 64})
    for key in (job.content_key, *job.style_keys):
        assert len(blobs.get(key)) > len(data)
    return job


def test_a_job_is_made_again_whatever_its_stored_pictures_take(grown: Job) -> None:
    again = admission.again(ANN, grown.id, {"alpha": 0.5})
    assert (again.content_width, again.content_height) == (SIDE, SIDE)


def test_a_style_of_an_earlier_job_is_used_in_a_new_one(grown: Job) -> None:
    style = references.source(f"job:{grown.id}/styles/0", ANN.owner)
    assert admission.submit(ANN, sent(), [style], options={"size": 64}).owner == "ann"
    assert admission.submit_batch(ANN, [style], [style], {"size": 64}).owner == "ann"


def test_a_style_of_an_earlier_job_is_previewed_and_shown_small(grown: Job) -> None:
    value = f"job:{grown.id}/styles/0"
    assert previews.small(value, ANN).width == 256
    assert blobs.exists(recent_styles.small(grown, 0))
    assert images.measured(references.source(value, ANN.owner)) == (SIDE, SIDE)


def test_what_is_sent_is_refused_beyond_the_limit(grown: Job, setting: Setting) -> None:
    with pytest.raises(ImageRejected, match="too large"):
        admission.submit(ANN, sent() + b"x", [sent()], options={"size": 64})


def test_cleaned_pictures_of_one_request_are_bounded_on_the_disk(
    studio: Path, setting: Setting
) -> None:
    """However small what was sent is: a photo and a style are 540 kB, three photos 810 kB."""
    data = sent(lossless=True)
    source = Source("a.webp", len(data), lambda: data)
    setting(spool_bytes=600_000)
    assert admission.submit(ANN, data, [data], options={"size": 64})
    for send in (
        lambda: admission.submit(ANN, data, [data, data], options={"size": 64}),
        lambda: admission.submit_batch(ANN, [source] * 2, [source], {"size": 64}),
    ):
        with pytest.raises(Refused, match=r"more than 0\.6 MB together"):
            send()
    assert len(jobs.mine(ANN.owner, 10)) == 1


# ---------------------------------------------------------------- a studio that is drained


def _drains(data: bytes) -> Source:
    """Return a picture with whose reading the studio is drained, after the first check."""

    def read() -> bytes:
        service_state.change(service_state.State.DRAINING)
        return data

    return Source("late.png", len(data), read)


def test_a_job_that_passed_the_check_before_the_studio_was_drained_is_refused(
    either: Path,
) -> None:
    with pytest.raises(service_state.NotAccepting):
        admission.submit(ANN, _drains(picture()), [picture()])
    assert jobs.mine("ann") == []
    assert pictured() == set()


def test_a_batch_that_passed_the_check_before_the_studio_was_drained_is_refused(
    either: Path,
) -> None:
    with pytest.raises(service_state.NotAccepting):
        admission.submit_batch(ANN, [_drains(picture())], [images.source(picture())])
    assert jobs.mine("ann") == []
    assert pictured() == set()


def test_who_drains_the_studio_waits_for_a_job_that_is_being_inserted(either: Path) -> None:
    """So that after it none comes, whatever was checked before."""
    drain = Thread(target=service_state.change, args=(service_state.State.DRAINING,))

    def beside(session: Session, job_id: str) -> None:
        drain.start()
        drain.join(0.3)
        assert drain.is_alive()

    admission.submit(ANN, picture(), [picture()], beside=beside)
    drain.join()
    assert service_state.read().state == service_state.State.DRAINING
