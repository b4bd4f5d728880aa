"""Films through the API: sent, refused in a sentence, fetched whole and in parts."""

import io
import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.adain.film import clips
from tests.parts import S3, Setting, painted_part, picture
from web import app
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.images import films
from worker.storage import blobs

STYLE = ("style", ("style.png", picture(), "image/png"))
FILM = bytes(range(256)) * 4000  # what stands for a painted film: only its bytes are looked at


@pytest.fixture
def ann(studio: Path) -> TestClient:
    return TestClient(app.without_page(), cookies={COOKIE: sign("ann")})


@pytest.fixture
def bob(studio: Path) -> TestClient:
    return TestClient(app.without_page(), cookies={COOKIE: sign("bob")})


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    path = clips.write(tmp_path / "clip.mp4", clips.moving(12, 128, 96), Fraction(6))
    return path.read_bytes()


def send(client: TestClient, film: bytes, **options: object) -> Any:  # noqa: ANN401
    files = [("content", ("clip.mp4", film, "video/mp4")), STYLE]
    return client.post("/api/v1/jobs", files=files, data={"options": json.dumps(options)})


def finish(job_id: str, key: str = "film-1.mp4") -> str:
    """Have a worker report that a job's film is painted; return its address."""
    job = jobs.claim("worker")
    assert job is not None
    assert job.id == job_id
    keys = [f"{job.id}/result-1.png", f"{job.id}/thumbnail-1.jpg"]
    film = f"{job.id}/{key}"
    blobs.put_all({one: picture() for one in keys} | {film: FILM})
    assert jobs.finish(
        job.id, 1, result_key=keys[0], thumbnail_key=keys[1], width=64, height=48,
        device="cpu", weights_sha256="0" * 64, version="1", timings={}, film_key=film,
    )  # fmt: skip
    return f"/api/v1/jobs/{job_id}/result"


def test_a_film_is_taken_as_a_job_whose_photo_is_its_first_frame(
    ann: TestClient, clip: bytes
) -> None:
    answer = send(ann, clip, size=64, steady=0.5)
    assert answer.status_code == 202
    job = answer.json()
    assert job["film"] == {"seconds": 2.0, "frames": None, "rate": None, "sound": None}
    assert job["options"]["steady"] == 0.5
    assert (job["width"], job["height"]) == (128, 96)
    photo = ann.get(f"/api/v1/jobs/{job['id']}/content")
    assert photo.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(photo.content)).size == (128, 96)
    assert send(ann, picture()).json()["film"] is None


def test_a_film_is_served_whole_and_in_parts(ann: TestClient, clip: bytes) -> None:
    address = finish(send(ann, clip).json()["id"])
    whole = ann.get(address)
    assert (whole.status_code, whole.content) == (200, FILM)
    wanted = {
        "content-type": "video/mp4",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=86400",
        "content-disposition": f'inline; filename="adain-studio-{address.split("/")[4][-12:]}.mp4"',
    }
    assert {name: whole.headers[name] for name in wanted} == wanted
    assert "default-src 'none'" in whole.headers["content-security-policy"]
    size = len(FILM)
    for asked, part in {
        "bytes=0-1": (0, 2),
        "bytes=1000-": (1000, size),
        "bytes=-500": (size - 500, size),
        f"bytes=0-{10 * size}": (0, size),
        f"bytes={size - 1}-": (size - 1, size),
        "bytes=200000-999999": (200_000, 1_000_000),
    }.items():
        answer = ann.get(address, headers={"Range": asked})
        begin, end = part
        assert (answer.status_code, answer.content) == (206, FILM[begin:end]), asked
        assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{size}"
        assert answer.headers["content-length"] == str(end - begin)
    for asked in (f"bytes={size}-", "bytes=-0"):
        answer = ann.get(address, headers={"Range": asked})
        assert (answer.status_code, answer.json()["code"]) == (416, "response.no_part")
        assert answer.headers["content-range"] == f"bytes */{size}"
    for asked in ("bytes=-", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b", "bytes=5-4"):
        assert ann.get(address, headers={"Range": asked}).status_code == 200
    changed = {"Range": "bytes=0-1", "If-Range": '"another"'}
    assert ann.get(address, headers=changed).status_code == 200
    known = ann.get(address, headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    same = changed | {"If-Range": whole.headers["etag"]}
    assert ann.get(address, headers=same).status_code == 206


def test_the_first_part_can_be_played_while_the_rest_is_painted(
    ann: TestClient, bob: TestClient, clip: bytes
) -> None:
    job_id = send(ann, clip).json()["id"]
    address = f"/api/v1/jobs/{job_id}/beginning"
    assert ann.get(address).json()["code"] == "film.no_beginning"
    job = jobs.claim("worker")
    assert job is not None
    assert job.film is not None
    film = job.film | {"clean": f"{job_id}/clean-1.webm", "codec": "vp9"}
    assert jobs.cleaned(job_id, 1, film, job.files or {}, 0) is not None
    assert ann.get(address).status_code == 404  # nothing is painted
    painted_part(job_id, FILM, "webm")
    part = ann.get(address, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, FILM[5:10])
    assert part.headers["content-type"] == "video/webm"
    assert "no-store" in part.headers["cache-control"]
    assert bob.get(address).status_code == 404
    assert jobs.cancel(job_id, "ann")
    assert jobs.stopped(job_id, 1)
    assert ann.get(address).json()["code"] == "film.no_beginning"


def test_the_film_that_is_painted_is_served_in_parts_to_its_owner(
    ann: TestClient, bob: TestClient, clip: bytes
) -> None:
    job_id = send(ann, clip).json()["id"]
    address = f"/api/v1/jobs/{job_id}/unpainted"
    assert ann.get(address).json()["code"] == "film.no_unpainted"  # as it was sent: not ours
    job = jobs.claim("worker")
    assert job is not None
    assert job.film is not None
    clean = f"{job_id}/clean-1.mp4"
    blobs.put(clean, FILM)
    film = job.film | {"clean": clean, "codec": "h264"}
    assert jobs.cleaned(job_id, 1, film, job.files or {}, 0) is not None
    part = ann.get(address, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, FILM[5:10])
    assert part.headers["content-type"] == "video/mp4"
    assert "private" in part.headers["cache-control"]
    assert bob.get(address).status_code == 404
    picture_id = send(ann, picture()).json()["id"]
    assert ann.get(f"/api/v1/jobs/{picture_id}/unpainted").status_code == 404


def test_a_film_in_an_object_store_is_served_in_parts(
    store: S3, ann: TestClient, clip: bytes
) -> None:
    address = finish(send(ann, clip).json()["id"], "film-1.webm")
    answer = ann.get(address, headers={"Range": "bytes=300000-300009"})
    assert (answer.status_code, answer.content) == (206, FILM[300_000:300_010])
    assert answer.headers["content-type"] == "video/webm"


def test_its_first_frame_is_the_picture_of_the_gallery_which_has_the_film(
    ann: TestClient, bob: TestClient, clip: bytes
) -> None:
    job = send(ann, clip).json()["id"]
    finish(job)
    for address in (f"/api/v1/jobs/{job}/picture", f"/api/v1/gallery/{job}/picture"):
        assert ann.get(address).headers["content-type"] == "image/png"
    entry = ann.get(f"/api/v1/gallery/{job}").json()
    assert entry["film"] == f"/api/v1/gallery/{job}/film"
    part = ann.get(entry["film"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, FILM[:10])
    assert "no-cache" in part.headers["cache-control"]
    zipped = zipfile.ZipFile(io.BytesIO(ann.get(f"/api/v1/gallery/zip?id={job}").content))
    assert [name[-4:] for name in zipped.namelist()] == [".mp4"]
    assert zipped.read(zipped.namelist()[0]) == FILM
    assert bob.get(entry["film"]).status_code == 404
    assert bob.get(f"/api/v1/jobs/{job}/result").status_code == 404
    link = ann.post(f"/api/v1/gallery/{job}/share").json()["own"]["link"]
    shared = bob.get(link).json()
    assert bob.get(shared["film"]).content == FILM
    ann.post(f"/api/v1/gallery/{job}/revoke")
    assert bob.get(shared["film"]).status_code == 410
    ann.post("/api/v1/gallery/delete", json={"ids": [job]})
    assert [one["film"] for one in ann.get("/api/v1/bin").json()] == [True]


def test_a_picture_has_no_film(ann: TestClient) -> None:
    job = send(ann, picture()).json()["id"]
    claimed = jobs.claim("worker")
    assert claimed is not None
    keys = [f"{job}/result-1.png", f"{job}/thumbnail-1.jpg"]
    blobs.put_all({one: picture() for one in keys})
    assert jobs.finish(
        job, 1, result_key=keys[0], thumbnail_key=keys[1], width=64, height=48,
        device="cpu", weights_sha256="0" * 64, version="1", timings={},
    )  # fmt: skip
    assert ann.get(f"/api/v1/gallery/{job}").json()["film"] is None
    assert ann.get(f"/api/v1/gallery/{job}/film").status_code == 404
    assert ann.get(f"/api/v1/jobs/{job}/result").headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "painted with the option method"), ("ko", "영상에는 옵션 method을(를)")],
)
def test_what_is_refused_of_a_film_is_said_in_the_visitors_language(
    ann: TestClient, clip: bytes, language: str, said: str
) -> None:
    ann.headers["Accept-Language"] = language
    answer = send(ann, clip, method="refine")
    assert (answer.status_code, answer.json()["code"]) == (422, "film.option")
    assert said in answer.json()["detail"]


def test_the_same_film_under_the_same_key_is_one_job(ann: TestClient, tmp_path: Path) -> None:
    data = clips.write(
        tmp_path / "noise.mp4", clips.moving(30, 512, 384), options={"crf": "0"}
    ).read_bytes()
    assert len(data) > 100_000  # it lies in a file
    headers = {"Idempotency-Key": "one"}
    files = [("content", ("clip.mp4", data, "video/mp4")), STYLE]
    first, second = (ann.post("/api/v1/jobs", files=files, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    files[0] = ("content", ("clip.mp4", data[:-1] + b"x", "video/mp4"))
    assert ann.post("/api/v1/jobs", files=files, headers=headers).status_code == 422


def test_a_film_may_be_larger_than_a_picture_and_no_picture_as_large(
    ann: TestClient, setting: Setting, tmp_path: Path
) -> None:
    film = clips.write(
        tmp_path / "large.mp4", clips.moving(30, 512, 384), options={"crf": "0"}
    ).read_bytes()
    setting(max_upload_bytes=len(film) // 4)
    assert send(ann, film).status_code == 202
    assert send(ann, b"\x89PNG" + film).json()["code"] == "picture.rejected"
    setting(max_upload_bytes=len(film) // 4, film_bytes=len(film) // 2)
    answer = send(ann, film)
    assert (answer.status_code, answer.json()["code"]) in {
        (413, "request.job_too_large"),
        (422, "film.file_too_large"),
    }


def test_a_list_of_files_that_ffmpeg_would_open_is_no_film(
    ann: TestClient, tmp_path: Path, clip: bytes
) -> None:
    assert not films.is_film(b"ffconcat version 1.0\nfile clip.mp4\n", moving=True)
    answer = send(ann, b"ffconcat version 1.0\nfile clip.mp4\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "picture.rejected")


def batch(client: TestClient, *photos: bytes, styles: int = 1, **options: object) -> Any:  # noqa: ANN401
    files = [("content", (f"photo-{at}.mp4", one, "video/mp4")) for at, one in enumerate(photos)]
    files += [STYLE] * styles
    return client.post("/api/v1/batches", files=files, data={"options": json.dumps(options)})


def test_a_batch_has_films_among_its_photos_each_painted_in_each_style(
    ann: TestClient, clip: bytes
) -> None:
    answer = batch(ann, picture(), clip, styles=2, size=64, strokes=2, transparency="keep")
    assert answer.status_code == 202, answer.json()
    cells = answer.json()["cells"]
    assert [one["film"] for one in cells] == [False, False, True, True]
    photo, film = (jobs.get(cells[place]["id"], "ann") for place in (0, 2))
    assert (photo.options["strokes"], photo.options["transparency"]) == (2, "keep")
    assert (film.options["strokes"], film.options["transparency"]) == (1, "flatten")
    assert film.film is not None
    assert film.film["seconds"] == 2.0
    assert blobs.get(f"{film.id}/{jobs.SOURCE}") == clip
    while job := jobs.claim("worker"):
        made = {f"{job.id}/result-1.png": picture(), f"{job.id}/thumbnail-1.jpg": picture()}
        key = f"{job.id}/film-1.mp4" if job.film else None
        blobs.put_all(made | ({key: FILM} if key else {}))
        assert jobs.finish(
            job.id, 1, result_key=f"{job.id}/result-1.png", film_key=key, width=64, height=48,
            thumbnail_key=f"{job.id}/thumbnail-1.jpg", device="cpu", weights_sha256="0" * 64,
            version="1", timings={},
        )  # fmt: skip
    zipped = zipfile.ZipFile(
        io.BytesIO(ann.get(f"/api/v1/batches/{answer.json()['id']}/zip").content)
    )
    assert [name[-4:] for name in zipped.namelist()] == [".png", ".png", ".mp4", ".mp4"]
    assert zipped.read(zipped.namelist()[2]) == FILM


def test_what_is_wrong_with_a_film_of_a_batch_is_said_with_its_name(
    ann: TestClient, setting: Setting, clip: bytes
) -> None:
    said = batch(ann, picture(), clip[: len(clip) // 2]).json()
    assert "photo-1" in said["detail"]
    assert batch(ann, clip, crops=[[0, 0, 0.5, 1]]).json()["code"] == "film.option"
    setting(film_seconds=1)
    said = batch(ann, clip, picture()).json()
    assert "photo-0" in said["detail"]
    assert jobs.mine("ann") == []


def test_films_of_a_batch_count_by_their_length_and_size(
    ann: TestClient, setting: Setting, tmp_path: Path
) -> None:
    film = clips.write(tmp_path / "film.mp4", clips.moving(12, 1024, 768), Fraction(6)).read_bytes()
    setting(visitor_submissions=6)
    assert batch(ann, picture()).status_code == 202
    assert batch(ann, picture(), film, size=0).status_code == 429  # as more than five
    setting(visitor_submissions=60)
    assert batch(ann, film, size=0).status_code == 202
    assert batch(ann, picture(), styles=2).status_code == 202
