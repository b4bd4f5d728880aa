import asyncio
import io
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image
from starlette.requests import Request

from tests.parts import Setting, picture
from tests.web.served import begin, finish
from web.language import texts
from web.page import form as ui
from web.page import handlers, labels
from web.security import identity
from worker import jobs
from worker.jobs import Job
from worker.storage import blobs, processes
from worker.visitors import admission, uploads
from worker.visitors.rate_limits import Visitor


def _asked_by(owner: str) -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [], "state": {"owner": owner}}))


@pytest.fixture
def photo(studio: Path) -> str:
    """What the form says of a picture that ada uploaded."""
    return f"upload:{uploads.keep('ada', picture())}"


def _form(**given: object) -> dict[str, Any]:
    """The form as it is when the page opens, with some of it filled in."""
    empty: dict[str, Any] = {
        "photo": "", "regions": "", "strength": 100, "color": "style", "size": 512,
        "strokes": 100, "how": "adain", "network": "compact", "transparency": "flatten",
        "margins": "trim", "steady": 60, "moving": "picture", "mixture": "same",
    }  # fmt: skip
    for place in range(4):
        empty |= {f"style_{place}": "", f"mask_{place}": ""}
        empty |= {f"share_{place}": 50, f"until_{place}": 50}
    return empty | given


def _repainted(**given: object) -> tuple[str, str]:
    return asyncio.run(handlers.repaint(_asked_by("ada"), **_form(**given)))


def _job(job_id: str) -> Job:
    return jobs.get(job_id, "ada")


def test_the_form_becomes_a_job_of_its_visitor(studio: Path, photo: str) -> None:
    job_id, notice = _repainted(photo=photo, style_0=photo, strength=40, color="content", size=256)
    assert notice == ""
    assert _job(job_id).options == {
        "alpha": 0.4, "weights": [], "color": "content", "size": 256, "network": "compact",
        "transfer": "covariance",
        "region": "all",
        "transparency": "flatten",
        "strokes": 1.0,
        "method": "adain",
        "effort": "more",
        "loss": "gram",
        "start": "photo", "steps": 0, "taught": "", "teach": "",
        "keep_margins": False,
        "crop": [],
        "style_crops": [],
    }  # fmt: skip
    with pytest.raises(jobs.JobNotFound):
        jobs.get(job_id, "grace")


def test_shares_go_with_the_styles_that_were_chosen(studio: Path, photo: str) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, style_2=photo, share_0=10, share_2=30)
    assert len(_job(job_id).style_keys) == 2
    assert _job(job_id).options["weights"] == [10, 30]


def test_masks_go_with_their_styles(studio: Path, photo: str) -> None:
    job_id, notice = _repainted(photo=photo, style_1=photo, mask_1=photo)
    assert notice == ""
    assert len(_job(job_id).mask_keys) == 1


REFUSED = {
    "no photo": ({"photo": ""}, "Choose a photo first"),
    "no style": ({"style_0": ""}, "Choose at least one style picture"),
    "a mask is missing": ({"style_1": "photo", "mask_0": "photo"}, "Give every style a mask"),
    "no shares": ({"style_1": "photo", "share_0": 0, "share_1": 0}, "must be greater than 0"),
    "alpha": ({"strength": 101}, "alpha is a number from 0 to 1."),
    "color": ({"color": "pink"}, "color is one of"),
    "network": ({"network": "resnet"}, "network is one of compact, vgg19."),
    "a file": ({"photo": __file__}, "no longer here. Please choose it again"),
    "an upload that is gone": ({"style_0": "upload:" + "0" * 32}, "Please choose it again"),
}


@pytest.mark.parametrize(("wrong", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_every_refusal_reaches_the_visitor_as_its_sentence(
    studio: Path, photo: str, wrong: dict[str, Any], sentence: str
) -> None:
    wrong = {name: photo if value == "photo" else value for name, value in wrong.items()}
    job_id, notice = _repainted(**{"photo": photo, "style_0": photo} | wrong)
    assert job_id == ""
    assert sentence in notice
    assert 'role="alert"' in notice
    assert jobs.mine("ada") == []


def test_a_refused_picture_names_its_field(studio: Path, photo: str) -> None:
    mask = f"upload:{uploads.keep('ada', picture(48, 64, mode='L', color=255))}"
    gone = f"upload:{uploads.keep('ada', b'no picture')}"
    for given, field in (
        ({"style_0": "", "style_2": photo, "mask_2": mask}, "mask-2"),
        ({"style_1": gone}, "style-1"),
        ({"photo": gone}, "photo"),
        ({"photo": ""}, ""),
    ):
        job_id, notice = _repainted(**{"photo": photo, "style_0": photo} | given)
        assert job_id == ""
        assert f'data-field="{field}"' in notice


def test_a_notice_shows_what_was_given_as_text() -> None:
    assert "<script" not in handlers._notice("<script>alert(1)</script>")


def test_a_database_that_is_away_is_a_sentence_on_the_page(
    studio: Path, photo: str, setting: Setting
) -> None:
    setting(database_url=f"sqlite:///{studio}")
    job_id, notice = _repainted(photo=photo, style_0=photo)
    assert job_id == ""
    assert "cannot reach its database" in notice


def _event(**data: object) -> gr.EventData:
    return gr.EventData(None, data)


def test_the_upload_of_another_visitor_is_refused(studio: Path, photo: str) -> None:
    theirs = f"upload:{uploads.keep('grace', picture())}"
    for given in ({"photo": theirs}, {"style_0": theirs}, {"mask_0": theirs}):
        job_id, notice = _repainted(**{"photo": photo, "style_0": photo} | given)
        assert job_id == ""
        assert "Please choose it again" in notice
    assert (
        asyncio.run(handlers.preview(_asked_by("ada"), **_form(photo=theirs, style_0=photo))) == ""
    )


def test_samples_from_the_shelf_make_a_job(studio: Path) -> None:
    job_id, notice = _repainted(photo="shelf:photos/cat", style_0="shelf:styles/ink")
    assert notice == ""
    assert _job(job_id).content_width > 0


def test_a_style_of_an_earlier_job_makes_another_for_its_owner_only(
    studio: Path, photo: str
) -> None:
    first, _ = _repainted(photo=photo, style_0=photo)
    style = f"job:{first}/styles/0"
    assert _repainted(photo=photo, style_0=style)[1] == ""
    _, notice = asyncio.run(
        handlers.repaint(_asked_by("grace"), **_form(photo="shelf:photos/cat", style_0=style))
    )
    assert "no job with this id among yours" in notice
    assert "Please choose it again" in _repainted(photo=photo, style_0=f"{style}9")[1]


def test_only_networks_that_a_worker_has_are_offered(studio: Path) -> None:
    assert handlers.networks().visible is False
    processes.touch("a worker", "worker", {"networks": {"compact": "0", "vgg19": "0"}})
    offered = handlers.networks()
    assert offered.visible is True
    assert [value for _, value in offered.choices] == ["compact", "vgg19"]


def test_the_settings_of_a_picture_come_back_into_the_form(studio: Path) -> None:
    options = {"alpha": 0.35, "weights": [], "color": "luminance", "size": 0, "network": "compact"}
    asked = _asked_by("ada")
    assert handlers.reuse(asked, _event(options=options)) == [
        35,
        "luminance",
        "largest",
        100,
        "adain",
        "compact",
        "flatten",
        "keep",
        60,
        "picture",
        "",
    ]
    broad, kept = options | {"strokes": 2.5}, ["luminance", "largest"]
    assert handlers.reuse(asked, _event(options=broad)) == [
        35,
        *kept,
        250,
        "adain",
        "compact",
        "flatten",
        "keep",
        60,
        "picture",
        "",
    ]

    assert handlers.reuse(asked, _event(options=options | {"size": 300, "network": "vgg19"})) == [
        35, "luminance", 256, 171, "adain", "compact", "flatten", "keep", 60, "picture", "",
    ]  # fmt: skip
    clear = options | {"transparency": "keep"}
    assert handlers.reuse(asked, _event(options=clear))[6] == "keep"


@pytest.mark.parametrize("how", texts.hows())
def test_how_a_picture_is_made_goes_with_the_form_and_comes_back(
    studio: Path, photo: str, how: str
) -> None:
    job_id, notice = _repainted(photo=photo, style_0=photo, how=how)
    assert notice == ""
    options = _job(job_id).options
    assert texts.how(options["method"], options["effort"]) == how
    assert handlers.reuse(_asked_by("ada"), _event(options=options))[4] == how
    for language in texts.LANGUAGES:
        assert how in [value for _, value in labels.of("how", language)["choices"]]
        assert f"how.{how}" in texts.words(language)


def test_a_crop_goes_with_its_picture(studio: Path, photo: str) -> None:
    crops = {"photo": f"{photo}@0.25,0,0.75,1", "style_1": f"{photo}@0,0,1,0.5"}
    job_id, notice = _repainted(**crops, margins="keep")
    assert notice == ""
    job = _job(job_id)
    assert (job.content_width, job.content_height) == (32, 48)
    assert Image.open(io.BytesIO(blobs.get(job.style_keys[0]))).size == (64, 24)
    assert job.options["crop"] == [0.25, 0, 0.75, 1]
    assert job.options["style_crops"] == [[0, 0, 1, 0.5]]
    assert job.options["keep_margins"]
    finish(begin())
    again = handlers.again(_asked_by("ada"), _event(id=job_id))
    assert again[1] == f"job:{job_id}/styles/0"  # what was kept is what was inside


def test_margins_come_back_as_they_were(studio: Path) -> None:
    asked, options = _asked_by("ada"), {"alpha": 1.0, "network": "compact"}
    for given, margins in (({}, "keep"), ({"keep_margins": False}, "trim")):
        assert handlers.reuse(asked, _event(options=options | given))[7] == margins


def test_a_print_or_the_largest_result_is_chosen_in_place_of_a_size(
    studio: Path, photo: str
) -> None:
    for fit, side in (("a4", 2480), ("largest", 0)):
        job_id, notice = _repainted(photo=photo, style_0=photo, size=fit)
        assert notice == ""
        assert _job(job_id).options["size"] == side


def test_the_styles_of_an_earlier_picture_come_back_to_their_owner_only(
    studio: Path, photo: str
) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, style_2=photo, share_0=10, share_2=40)
    finish(begin())
    form = handlers.again(_asked_by("ada"), _event(id=job_id))
    assert form[0] == ""
    assert form[1:3] == [f"job:{job_id}/styles/0", f"job:{job_id}/styles/1"]
    assert form[3:5] == ["", ""]
    assert form[5:7] == [20, 80]
    assert "no job with this id" in handlers.again(_asked_by("grace"), _event(id=job_id))[-1]


def test_a_mask_of_the_background_comes_back_as_one_that_is_white_there(studio: Path) -> None:
    mask, out = Image.new("L", (64, 48)), io.BytesIO()
    mask.paste(255, (0, 0, 32, 48))  # the subject
    mask.save(out, "PNG")
    pictures = picture(), [picture()], [out.getvalue()]
    subject = jobs.submit("ada", *pictures, {"region": "subject"})
    opened = asyncio.run(handlers.open_again(_asked_by("ada"), _event(id=subject.id)))
    assert opened[14] == f"job:{subject.id}/masks/0"
    job = jobs.submit("ada", *pictures, {"region": "background"})
    opened = asyncio.run(handlers.open_again(_asked_by("ada"), _event(id=job.id)))
    assert opened[:2] == [f"job:{job.id}/content", f"job:{job.id}/styles/0"]
    assert opened[14:18] == [opened[14], "", "", ""]
    sent, notice = _repainted(photo=opened[0], style_0=opened[1], mask_0=opened[14])
    assert notice == ""
    again = _job(sent)
    assert again.options["region"] == "all"
    found = Image.open(io.BytesIO(blobs.get(again.mask_keys[0])))
    assert [found.getpixel((x, 20)) for x in (10, 50)] == [0, 255]
    theirs = asyncio.run(handlers.open_again(_asked_by("grace"), _event(id=job.id)))
    assert "no job with this id" in theirs[-1]


def test_a_picture_is_made_again_at_five_strengths_for_its_owner_only(
    studio: Path, photo: str
) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, mask_0=photo, color="content")
    finish(begin())
    ids, notice = asyncio.run(handlers.strengths(_asked_by("ada"), _event(id=job_id)))
    assert notice == ""
    made = [_job(one) for one in ids.split()]
    assert [job.options["alpha"] for job in made] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert {(job.options["color"], len(job.mask_keys)) for job in made} == {("content", 1)}
    assert asyncio.run(handlers.strengths(_asked_by("grace"), _event(id=job_id)))[0] == ""


def test_a_cancelled_job_is_submitted_once_more_by_its_owner_only(studio: Path, photo: str) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, strength=30)
    jobs.cancel(job_id, "ada")
    again, notice = asyncio.run(handlers.retry(_asked_by("ada"), _event(id=job_id)))
    assert notice == ""
    assert _job(again).status == "queued"
    assert _job(again).options == _job(job_id).options
    assert asyncio.run(handlers.retry(_asked_by("grace"), _event(id=job_id)))[0] == ""


def test_the_form_speaks_korean_with_who_asks_for_it() -> None:
    asked = gr.Request(Request({"type": "http", "headers": [(b"accept-language", b"ko")]}))
    [share] = handlers.words_for(["share-1"], asked)
    assert share["label"] == "비율 2"
    english = handlers.words_for(["share-1"], _asked_by("ada"))
    assert "label" not in english[0]


def test_owner_of_a_gradio_request_is_the_cookies_owner() -> None:
    asked = _asked_by("ada")
    assert asked.request is not None
    assert identity.owner_of(asked.request) == "ada"


def test_every_event_of_the_page_is_private(studio: Path) -> None:
    events = ui.page().config["dependencies"]
    assert {event["api_visibility"] for event in events} == {"private"}


def test_a_page_that_was_left_leaves_its_jobs(studio: Path, photo: str) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo)
    uploads.remove(photo.removeprefix("upload:"), "ada")
    assert blobs.get(_job(job_id).content_key)


def test_a_job_of_another_ones_photo_was_made_from_it(studio: Path, photo: str) -> None:
    first, _ = _repainted(photo=photo, style_0=photo)
    assert _job(first).parent is None
    second, _ = _repainted(photo=f"job:{first}/content@0,0,0.5,1", style_0=photo)
    assert _job(second).parent == first
    third, _ = _repainted(photo=photo, style_0=f"job:{first}/styles/0")  # its style alone
    assert _job(third).parent is None


def test_a_job_that_is_made_again_was_made_from_the_one_before(studio: Path, photo: str) -> None:
    first, _ = _repainted(photo=photo, style_0=photo)
    again = admission.again(Visitor("ada"), first, {"alpha": 0.5})
    assert _job(again.id).parent == first
