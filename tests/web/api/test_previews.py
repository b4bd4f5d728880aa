import asyncio
import io
import random
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.requests import Request

from tests.parts import Setting, picture
from web import app
from web.http import picture_cache
from web.http.picture_cache import PictureCache
from web.page import handlers
from web.security import identity
from worker import jobs
from worker.images import images
from worker.settings import MIB
from worker.storage import blobs
from worker.visitors import preview_claims, previews, rate_limits, uploads
from worker.visitors.previews import State
from worker.visitors.rate_limits import TooMany, Visitor

PREVIEWS = "/api/v1/previews"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), raise_server_exceptions=False) as made:
        yield made


def ask(client: TestClient, options: str = "{}") -> str:
    files = [("content", picture(900, 600)), ("style", picture()), ("style", picture())]
    answer = client.post(PREVIEWS, files=files, data={"options": options})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def make(data: bytes) -> None:
    """Make the preview next in line, as a worker does."""
    claimed = preview_claims.claim()
    assert claimed is not None
    blobs.put(previews.result_key(claimed.owner), data)
    preview_claims.end(claimed, State.MADE)


def test_a_preview_is_asked_for_and_fetched_when_it_is_made(client: TestClient) -> None:
    preview_id = ask(client)
    assert client.get(f"{PREVIEWS}/{preview_id}").status_code == 204
    make(b"a picture")
    answer = client.get(f"{PREVIEWS}/{preview_id}")
    assert (answer.status_code, answer.content) == (200, b"a picture")
    assert answer.headers["cache-control"] == "no-store"
    assert TestClient(client.app).get(f"{PREVIEWS}/{preview_id}").status_code == 404
    later = ask(client, '{"alpha": 0.5}')
    assert client.get(f"{PREVIEWS}/{preview_id}").status_code == 404
    claimed = preview_claims.claim()
    assert claimed is not None
    preview_claims.end(claimed, State.FAILED)
    assert client.get(f"{PREVIEWS}/{later}").status_code == 409
    assert client.get("/api/v1/jobs").json()["jobs"] == []


def test_what_can_be_no_preview_is_refused_with_a_sentence(client: TestClient) -> None:
    bad = client.post(PREVIEWS, files={"content": b"no picture", "style": picture()})
    assert "GIF, TIFF and BMP are accepted" in bad.json()["detail"]
    none = client.post(PREVIEWS, files={"content": picture()})
    assert "one to 4 style pictures" in none.json()["detail"]
    field = client.post(PREVIEWS, files={"content": picture()}, data={"webhook": "http://a"})
    assert field.status_code == 422


# ---------------------------------------------------------------- the page's


def _request() -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [], "state": {"owner": "ada"}}))


@pytest.fixture
def form(studio: Path) -> dict[str, object]:
    """A form with a photo and a style, as Gradio hands it over."""
    uploaded = f"upload:{uploads.keep('ada', picture(900, 600))}"
    given: dict[str, object] = {"photo": uploaded, "style_0": uploaded, "regions": ""}
    for place in range(1, 4):
        given[f"style_{place}"] = None
    for place in range(4):
        given |= {f"share_{place}": 50, f"mask_{place}": None}
    return given | {
        "strength": 40,
        "strokes": 100,
        "how": "adain",
        "transparency": "flatten",
        "margins": "trim",
        "steady": 60,
        "color": "style",
        "size": 1024,
        "network": "compact",
    }


def test_the_form_is_previewed_small_and_as_it_is(form: dict[str, object]) -> None:
    preview_id = asyncio.run(handlers.preview(_request(), **form))
    claimed = preview_claims.claim()
    assert claimed is not None
    assert claimed.id == preview_id
    assert (claimed.options["alpha"], claimed.options["size"]) == (0.4, 256)
    small = Image.open(io.BytesIO(blobs.get(claimed.content_key)))
    assert small.size == (384, 256)
    assert jobs.mine("ada") == []


def test_a_mask_comes_along_in_the_small_photos_size(form: dict[str, object]) -> None:
    mask = uploads.keep("ada", picture(900, 600, mode="L", color=255))
    assert asyncio.run(handlers.preview(_request(), **form | {"mask_0": f"upload:{mask}"}))
    claimed = preview_claims.claim()
    assert claimed is not None
    assert Image.open(io.BytesIO(blobs.get(claimed.mask_keys[0]))).size == (384, 256)


def test_a_crop_of_the_form_is_previewed_with_its_part_of_a_mask(form: dict[str, object]) -> None:
    photo, mask = Image.new("L", (900, 600), 0), Image.new("L", (900, 600), 0)
    mask.paste(255, (450, 0, 900, 600))
    photo.paste(200, (450, 0, 900, 600))
    for name, image in (("photo", photo), ("mask_0", mask)):
        out = io.BytesIO()
        image.save(out, "PNG")
        form[name] = f"upload:{uploads.keep('ada', out.getvalue())}"
    form["photo"] = f"{form['photo']}@0.5,0,1,1"
    assert asyncio.run(handlers.preview(_request(), **form))
    claimed = preview_claims.claim()
    assert claimed is not None
    for key, value in ((claimed.content_key, 200), (claimed.mask_keys[0], 255)):
        small = Image.open(io.BytesIO(blobs.get(key))).convert("L")
        assert small.size == (256, 341)
        assert abs(small.getpixel((10, 100)) - value) < 3  # type: ignore[operator]


def test_a_form_that_is_not_filled_in_is_not_previewed(form: dict[str, object]) -> None:
    for missing in ("photo", "style_0"):
        assert asyncio.run(handlers.preview(_request(), **form | {missing: None})) == ""
    assert asyncio.run(handlers.preview(_request(), **form | {"strength": 500})) == ""
    assert preview_claims.claim() is None


def test_a_picture_in_a_form_is_opened_once(form: dict[str, object], setting: Setting) -> None:
    setting(visitor_uploads=2)  # once as a photo, once as a style without its plain border
    visitor = Visitor(identity.owner_of(_request().request), "")  # type: ignore[arg-type]
    for strength in (10, 20, 30):
        assert asyncio.run(handlers.preview(_request(), **form | {"strength": strength}))
    with pytest.raises(TooMany):
        rate_limits.consume(visitor, rate_limits.pictures())


def test_a_photo_is_previewed_from_the_copy_that_is_shown_unless_it_is_cropped(
    form: dict[str, object],
) -> None:
    name = str(form["photo"])
    shown = images.small(picture(900, 600, color="red"), 768)  # known by its colour
    picture_cache.displayed.put("ada", name, shown)
    for photo, is_shown in ((name, True), (f"{name}@0,0,0.5,1", False)):
        assert asyncio.run(handlers.preview(_request(), **form | {"photo": photo}))
        claimed = preview_claims.claim()
        assert claimed is not None
        small = Image.open(io.BytesIO(blobs.get(claimed.content_key))).convert("RGB")
        assert (small.getpixel((10, 10))[0] > 200) == is_shown  # type: ignore[index]


def _client_of(owner: str) -> TestClient:
    return TestClient(app.without_page(), cookies={identity.COOKIE: identity.sign(owner)})


def _previewed_and_sheet(form: dict[str, object]) -> tuple[str, str]:
    """Return the id of a preview and that of a contact sheet, "" for what is refused."""
    preview_id = asyncio.run(handlers.preview(_request(), **form))
    sheet_id, _ = asyncio.run(handlers.sheet(_request(), gr.EventData(None, {}), **form))
    return preview_id, sheet_id


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/uploads/{upload_id}"])
def test_a_deleted_picture_is_in_no_further_preview_or_sheet(
    form: dict[str, object], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PictureCache(MIB)
    monkeypatch.setattr(picture_cache, "previewed", cache)
    assert all(_previewed_and_sheet(form))
    upload_id = str(form["photo"]).removeprefix("upload:")
    assert _client_of("ada").delete(path.format(upload_id=upload_id)).status_code == 204
    assert cache.bytes == 0
    assert _previewed_and_sheet(form) == ("", "")


def test_a_picture_that_another_process_deleted_is_in_no_further_preview(
    form: dict[str, object],
) -> None:
    assert all(_previewed_and_sheet(form))
    uploads.remove(str(form["photo"]).removeprefix("upload:"), "ada")
    assert _previewed_and_sheet(form) == ("", "")


def test_what_previews_keep_of_large_pictures_stays_within_a_bound(
    form: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PictureCache(MIB)
    monkeypatch.setattr(picture_cache, "previewed", cache)
    for seed in range(5):  # some 0.26 MB each
        noise = random.Random(seed).randbytes(4 * 256 * 256)
        file = io.BytesIO()
        Image.frombytes("RGBA", (256, 256), noise).save(file, "PNG")
        photo = f"upload:{uploads.keep('ada', file.getvalue())}"
        assert asyncio.run(handlers.preview(_request(), **form | {"photo": photo}))
    assert MIB // 2 < cache.bytes <= MIB
