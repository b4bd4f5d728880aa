import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from tests.parts import Setting, picture
from tests.web.served import begin, finish
from web import identity, shelf, ui
from web import picture as field
from worker import blobs, jobs, processes
from worker.jobs import Job
from worker.refused import Refused


def _asked_by(owner: str) -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [], "state": {"owner": owner}}))


@pytest.fixture
def photo(tmp_path: Path) -> str:
    file = tmp_path / "photo.png"
    file.write_bytes(picture())
    return str(file)


def _form(**given: object) -> dict[str, Any]:
    """The form as it is when the page opens, with some of it filled in."""
    empty: dict[str, Any] = {
        "photo": None, "regions": "", "strength": 100, "color": "style", "size": 512,
        "network": "compact",
    }  # fmt: skip
    for place in range(4):
        empty |= {f"style_{place}": None, f"share_{place}": 50, f"mask_{place}": None}
    return empty | given


def _repainted(**given: object) -> tuple[str, str]:
    return ui.repaint(_asked_by("ada"), **_form(**given))


def _job(job_id: str) -> Job:
    return jobs.get(job_id, "ada")


def test_the_form_becomes_a_job_of_its_visitor(studio: Path, photo: str) -> None:
    job_id, notice = _repainted(photo=photo, style_0=photo, strength=40, color="content", size=256)
    assert notice == ""
    assert _job(job_id).options == {
        "alpha": 0.4, "weights": [], "color": "content", "size": 256, "network": "compact",
        "transfer": "covariance",
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
    "no photo": ({"photo": None}, "Choose a photo first"),
    "no style": ({"style_0": None}, "Choose at least one style picture"),
    "a mask is missing": ({"style_1": "photo", "mask_0": "photo"}, "Give every style a mask"),
    "no shares": ({"style_1": "photo", "share_0": 0, "share_1": 0}, "must be greater than 0"),
    "alpha": ({"strength": 101}, "alpha is a number from 0 to 1."),
    "color": ({"color": "pink"}, "color is one of"),
    "network": ({"network": "resnet"}, "network is one of compact, vgg19."),
    "not an image": ({"photo": __file__}, "PNG, JPEG and WebP are accepted"),
    "a style that is no image": ({"style_0": __file__}, "PNG, JPEG and WebP are accepted"),
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


def test_a_notice_shows_what_was_given_as_text() -> None:
    assert "<script" not in ui._notice("<script>alert(1)</script>")


def test_a_database_that_is_away_is_a_sentence_on_the_page(
    studio: Path, photo: str, setting: Setting
) -> None:
    setting(database_url=f"sqlite:///{studio}")
    job_id, notice = _repainted(photo=photo, style_0=photo)
    assert job_id == ""
    assert "cannot reach its database" in notice


def test_a_bad_picture_is_told_at_once_and_taken_away(studio: Path, photo: str) -> None:
    assert ui.look_at(photo, _asked_by("ada"))[1] == ""
    value, notice = ui.look_at(__file__, _asked_by("ada"))
    assert value is None
    assert "PNG, JPEG and WebP are accepted" in notice


def test_looking_at_pictures_is_inside_the_limits(
    studio: Path, photo: str, setting: Setting
) -> None:
    setting(visitor_uploads=2)
    notices = [ui.look_at(photo, _asked_by("ada"))[1] for _ in range(3)]
    assert notices[:2] == ["", ""]
    assert "2 pictures a minute" in notices[2]


def _event(**data: object) -> gr.EventData:
    return gr.EventData(None, data)


def test_a_style_from_the_shelf_takes_the_first_free_place() -> None:
    found = ui.pick_style(_event(name="ink"), "mine.png", None, None, None)
    assert found[1] == str(shelf.file("styles", "ink"))
    assert [place for place, value in enumerate(found) if isinstance(value, str)] == [1]


def test_with_no_place_free_it_takes_the_last() -> None:
    found = ui.pick_style(_event(name="ink"), "a", "b", "c", "d")
    assert [place for place, value in enumerate(found) if isinstance(value, str)] == [3]


def test_a_name_that_is_not_on_the_shelf_changes_nothing() -> None:
    assert not any(isinstance(value, str) for value in ui.pick_style(_event(name="../x"), None))
    assert not isinstance(ui.pick_photo(_event(name="../x")), str)


def test_only_networks_that_a_worker_has_are_offered(studio: Path) -> None:
    assert ui.networks().visible is False
    processes.touch("a worker", "worker", {"networks": {"compact": "0", "vgg19": "0"}})
    offered = ui.networks()
    assert offered.visible is True
    assert [value for _, value in offered.choices] == ["compact", "vgg19"]


def test_the_settings_of_a_picture_come_back_into_the_form(studio: Path) -> None:
    options = {"alpha": 0.35, "weights": [], "color": "luminance", "size": 0, "network": "compact"}
    assert ui.reuse(_event(options=options)) == [35, "luminance", 0, "compact"]

    assert ui.reuse(_event(options=options | {"size": 300, "network": "vgg19"})) == [
        35, "luminance", 256, "compact",
    ]  # fmt: skip


def test_the_styles_of_an_earlier_picture_come_back_to_their_owner_only(
    studio: Path, photo: str
) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, style_2=photo, share_0=10, share_2=40)
    finish(begin())
    form = ui.again(_asked_by("ada"), _event(id=job_id))
    assert form[0] is None
    assert [Path(style).is_file() for style in form[1:3]] == [True, True]
    assert form[3:5] == [None, None]
    assert form[5:7] == [25, 100]
    assert "no picture with this id" in ui.again(_asked_by("grace"), _event(id=job_id))[-1]


def test_a_picture_is_made_anew_at_five_strengths_for_its_owner_only(
    studio: Path, photo: str
) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, mask_0=photo, color="content")
    finish(begin())
    ids, notice = ui.sweep(_asked_by("ada"), _event(id=job_id))
    assert notice == ""
    made = [_job(one) for one in ids.split()]
    assert [job.options["alpha"] for job in made] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert {(job.options["color"], len(job.mask_keys)) for job in made} == {("content", 1)}
    assert ui.sweep(_asked_by("grace"), _event(id=job_id))[0] == ""


def test_a_cancelled_job_is_submitted_once_more_by_its_owner_only(studio: Path, photo: str) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo, strength=30)
    jobs.cancel(job_id, "ada")
    again, notice = ui.retry(_asked_by("ada"), _event(id=job_id))
    assert notice == ""
    assert _job(again).status == "queued"
    assert _job(again).options == _job(job_id).options
    assert ui.retry(_asked_by("grace"), _event(id=job_id))[0] == ""


def test_the_form_speaks_korean_with_who_asks_for_it() -> None:
    asked = gr.Request(Request({"type": "http", "headers": [(b"accept-language", b"ko")]}))
    photo, share = ui.words_for(["photo", "share-1"], asked)
    assert photo["label"] == "내 사진"
    assert share["label"] == "비율 2"
    english = ui.words_for(["photo"], _asked_by("ada"))
    assert "label" not in english[0]


def test_a_field_never_fetches_an_address(studio: Path) -> None:
    with gr.Blocks():
        image = field.field("photo", height=100)
    with pytest.raises(Refused, match="choose it again"):
        asyncio.run(image.async_move_resource_to_block_cache("http://127.0.0.1/photo.png"))


def test_owner_of_a_gradio_request_is_the_cookies_owner() -> None:
    asked = _asked_by("ada")
    assert asked.request is not None
    assert identity.owner_of(asked.request) == "ada"


def test_every_event_of_the_page_is_private(studio: Path) -> None:
    events = ui.page().config["dependencies"]
    assert {event["api_visibility"] for event in events} == {"private"}


def test_a_page_that_was_left_leaves_its_jobs(studio: Path, photo: str) -> None:
    job_id, _ = _repainted(photo=photo, style_0=photo)
    Path(photo).unlink()  # Gradio forgets uploads
    assert blobs.get(_job(job_id).content_key)
