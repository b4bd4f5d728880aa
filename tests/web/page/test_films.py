"""Films in the form: kept as uploads, shown by their first frame, painted as the photo."""

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.adain.film import clips
from tests.parts import Setting, picture
from tests.web.page.test_form import _asked_by, _form
from web import app
from web.http import picture_cache
from web.http.picture_cache import PictureCache
from web.page import handlers
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.settings import MIB
from worker.visitors import uploads

UPLOADS = "/api/v1/uploads"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), cookies={COOKIE: sign("ada")}) as made:
        yield made


def put(client: TestClient, data: bytes = picture()) -> Any:  # noqa: ANN401
    return client.post(UPLOADS, files={"picture": ("a", data, "video/mp4")})


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    return clips.write(tmp_path / "clip.mp4", clips.moving(12, 128, 96), Fraction(6)).read_bytes()


def test_a_film_is_kept_as_it_came_and_shown_by_its_first_frame(
    client: TestClient, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = put(client, clip)
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["width"], kept["height"], kept["seconds"]) == (128, 96, 2.0)
    assert put(client).json()["seconds"] is None
    address = f"{UPLOADS}/{kept['id']}"
    assert client.get(address).content == clip
    for _ in range(2):
        shown = client.get(f"{address}/shown")
        assert Image.open(io.BytesIO(shown.content)).size == (128, 96)
        monkeypatch.setattr(picture_cache, "displayed", PictureCache(MIB))  # another process


def test_a_film_may_be_larger_than_a_picture_but_not_than_a_film(
    client: TestClient, setting: Setting, tmp_path: Path
) -> None:
    frames = clips.moving(30, 512, 384)
    clip = clips.write(tmp_path / "large.mp4", frames, options={"crf": "0"}).read_bytes()
    setting(max_upload_bytes=len(clip) // 2)
    answer = put(client, clip)
    assert answer.status_code == 201, answer.json()
    setting(max_upload_bytes=len(clip) // 2, film_bytes=len(clip) - 1)
    answer = put(client, clip)
    assert (answer.status_code, answer.json()["code"]) == (422, "film.file_too_large")


def test_a_studio_without_films_says_so(client: TestClient, setting: Setting, clip: bytes) -> None:
    setting(film_seconds=0)
    answer = put(client, clip)
    assert (answer.status_code, answer.json()["code"]) == (422, "film.off")
    assert not uploads.folder().exists()


def _repainted(**given: object) -> Any:  # noqa: ANN401
    """Send the form; return what the API says of the job."""
    job_id, notice = asyncio.run(handlers.repaint(_asked_by("ada"), **_form(**given)))
    assert notice == ""
    return jobs.get(job_id, "ada")


def test_a_film_is_painted_as_the_photo_without_what_films_dont_have(
    studio: Path, clip: bytes
) -> None:
    film = f"upload:{uploads.keep('ada', clip)}"
    job = _repainted(
        photo=f"{film}@0,0,0.5,1", style_0="shelf:styles/ink", how="gatys-more", strokes=200,
        transparency="keep", size="a4", steady=30,
    )  # fmt: skip
    assert job.film["seconds"] == 2.0
    assert (job.options["steady"], job.options["size"]) == (0.3, 512)
    assert (job.options["method"], job.options["strokes"]) == ("adain", 1.0)
    again = _repainted(photo=f"job:{job.id}/content", style_0="shelf:styles/night")
    assert again.film["seconds"] == 2.0
    assert again.parent == job.id
    assert _repainted(photo="shelf:photos/cat", style_0="shelf:styles/ink").film is None


def test_regions_painted_on_a_films_first_frame_are_its_masks(studio: Path, clip: bytes) -> None:
    out = io.BytesIO()
    Image.new("L", (64, 48), 255).save(out, "PNG")
    mask = base64.b64encode(out.getvalue()).decode()
    regions = {"width": 64, "height": 48, "feather": 0, "masks": {"0": mask}}
    film = f"upload:{uploads.keep('ada', clip)}"
    job = _repainted(photo=film, style_0="shelf:styles/ink", regions=json.dumps(regions))
    assert len(job.mask_keys) == 1


def test_a_preview_is_made_of_a_films_first_frame(studio: Path, clip: bytes) -> None:
    film = f"upload:{uploads.keep('ada', clip)}"
    form = _form(photo=film, style_0="shelf:styles/ink")
    assert asyncio.run(handlers.preview(_asked_by("ada"), **form))


def moving(kind: str, count: int = 6) -> bytes:
    frames = [Image.fromarray(one) for one in clips.moving(count, 64, 48)]
    return clips.animation(kind, frames, duration=100, loop=0)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_moving_picture_is_a_picture_or_a_film_as_the_form_says(
    client: TestClient, kind: str
) -> None:
    data = moving(kind)
    kept = put(client, data).json()
    assert kept["seconds"] is None
    assert kept["moves"] == pytest.approx(0.6 if kind == "GIF" else 60, abs=0.11)  # at most
    photo = f"upload:{kept['id']}"
    film = _repainted(photo=photo, style_0="shelf:styles/ink", moving="film", size=256)
    assert film.film["seconds"] > 0
    assert film.options["moving"] is True
    assert _repainted(photo=photo, style_0="shelf:styles/ink").film is None
    assert put(client, moving(kind, 1)).json()["moves"] is None
    still = f"upload:{put(client, moving(kind, 1)).json()['id']}"
    if kind != "GIF":  # of which more than its first bytes say whether it moves
        assert _repainted(photo=still, style_0="shelf:styles/ink", moving="film").film is None


def test_a_jobs_film_that_is_not_read_yet_is_as_large_as_a_picture_at_most_where_it_is_one(
    client: TestClient, setting: Setting
) -> None:
    photo = f"upload:{put(client, moving('GIF', 30)).json()['id']}"
    film = _repainted(photo=photo, style_0="shelf:styles/ink", moving="film", size=256)
    assert film.film is not None
    setting(max_upload_bytes=2048)
    given = {"photo": f"job:{film.id}/content", "style_0": "shelf:styles/ink"}
    job_id, notice = asyncio.run(handlers.repaint(_asked_by("ada"), **_form(**given)))
    assert job_id == ""
    assert "too large" in notice


def test_a_studio_without_films_takes_moving_pictures_as_pictures(
    client: TestClient, setting: Setting
) -> None:
    setting(film_seconds=0)
    assert put(client, moving("GIF")).json()["moves"] is None


def test_styles_of_a_film_change_from_one_mixture_to_another(studio: Path, clip: bytes) -> None:
    film = f"upload:{uploads.keep('ada', clip)}"
    styles = {"style_0": "shelf:styles/ink", "style_2": "shelf:styles/night"}
    ends = {"share_0": 100, "share_2": 0, "until_0": 25, "until_2": 75}
    same = _repainted(photo=film, **styles, **ends)
    assert (same.options["weights"], same.options["weights_end"]) == ([100, 0], [])
    changes = _repainted(photo=film, **styles, **ends, mixture="changes")
    assert changes.options["weights_end"] == [25, 75]
    one = _repainted(photo=film, style_0="shelf:styles/ink", mixture="changes")
    assert one.options["weights_end"] == []
    photo = _repainted(photo="shelf:photos/cat", **styles, **ends, mixture="changes")
    assert "weights_end" not in photo.options
    filled = handlers._form_of(changes, f"job:{changes.id}/content", [])
    assert filled[5:14] == [100, 0, 50, 50, 25, 75, 50, 50, "changes"]
