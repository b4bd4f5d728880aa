import io
import json
import resource
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from tests.parts import Setting, picture, pictured
from web import app
from web.language import problems
from web.security import body_limits
from worker import jobs
from worker.errors import Message
from worker.jobs import Job, Status, service_state
from worker.settings import MIB
from worker.storage import blobs, processes

NOT_YOURS = "There is no job with this id among yours."
Files = list[tuple[str, tuple[str, bytes, str]]]


def _file(field: str, data: bytes, name: str = "picture.png") -> tuple[str, tuple[str, bytes, str]]:
    return field, (name, data, "application/octet-stream")


def _files(*styles: bytes, content: bytes | None = None) -> Files:
    photo = picture() if content is None else content
    return [_file("content", photo), *(_file("style", style) for style in styles or [picture()])]


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    return TestClient(client.app)


def _post(client: TestClient, files: Files, **options: object) -> Any:  # noqa: ANN401, httpx or httpx2
    return client.post("/api/v1/jobs", files=files, data={"options": json.dumps(options)})


def _submitted(client: TestClient) -> str:
    answer = _post(client, _files())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _finish(job_id: str) -> Job:
    job = jobs.claim("a worker")
    assert job is not None
    assert job.id == job_id
    blobs.put(f"{job_id}/result-1.png", picture(32, 24))
    blobs.put(f"{job_id}/thumbnail-1.jpg", picture(16, 12, "JPEG"))
    assert jobs.finish(
        job_id,
        job.attempt,
        result_key=f"{job_id}/result-1.png",
        thumbnail_key=f"{job_id}/thumbnail-1.jpg",
        width=32,
        height=24,
        weights_sha256="0" * 64,
        version="0",
        device="cpu",
        timings={"total": 0.5},
    )
    return job


# ---------------------------------------------------------------- submit


def test_a_job_is_accepted_and_its_location_tells_how_it_stands(client: TestClient) -> None:
    answer = _post(client, _files(), alpha=0.5, size=256)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    assert answer.json()["state"] == Status.QUEUED
    seen = client.get(answer.headers["location"]).json()
    assert seen["state"] == "queued"
    assert seen["position"] == 1
    assert seen["options"] == {
        "alpha": 0.5, "weights": [], "color": "style", "size": 256, "network": "compact",
        "transfer": "covariance",
        "region": "all",
        "transparency": "flatten",
        "method": "adain", "effort": "more", "loss": "gram", "start": "photo",
        "steps": 0, "taught": "", "teach": "",
        "strokes": 1.0, "keep_margins": False, "crop": [], "style_crops": [],
    }  # fmt: skip


def test_who_sends_without_cookie_or_key_reads_how_to_come_back(client: TestClient) -> None:
    first = _post(client, _files()).json()
    assert "curl -c FILE -b FILE" in first["come_back"]
    assert _post(client, _files()).json()["come_back"] is None  # with the cookie of the first
    assert client.get(f"/api/v1/jobs/{first['id']}").json()["come_back"] is None
    key = client.post("/api/v1/me/keys", json={"name": "a program"}).json()["key"]
    program = TestClient(client.app, headers={"Authorization": f"Bearer {key}"})
    assert _post(program, _files()).json()["come_back"] is None
    korean = TestClient(client.app, headers={"Accept-Language": "ko"})
    assert "쿠키" in _post(korean, _files()).json()["come_back"]


def test_what_was_done_to_pictures_is_said_in_the_visitors_language(
    client: TestClient, setting: Setting
) -> None:
    setting(max_pixels=2000)
    job = _post(client, _files(picture(20, 20), content=picture(64, 48))).json()
    assert job["notices"] == ["The photo: reduced from 64 × 48 to 32 × 24 pixels."]
    assert (job["original_width"], job["original_height"]) == (64, 48)
    korean = client.get(f"/api/v1/jobs/{job['id']}", headers={"Accept-Language": "ko"}).json()
    assert korean["notices"] == ["사진: 64 × 48에서 32 × 24픽셀로 줄였습니다."]


def test_options_may_be_left_out_or_come_as_a_file(client: TestClient) -> None:
    assert client.post("/api/v1/jobs", files=_files()).status_code == 202
    as_file = ("options", ("options.json", b'{"alpha": 0.25}', "application/json"))
    answer = client.post("/api/v1/jobs", files=[*_files(), as_file])
    assert answer.json()["options"]["alpha"] == 0.25


def test_four_styles_with_masks_are_accepted(client: TestClient) -> None:
    masks = [_file("mask", picture(mode="L", color=255)) for _ in range(4)]
    answer = _post(client, _files(*[picture()] * 4) + masks, weights=[1, 0, 2, 3])
    assert answer.status_code == 202, answer.text
    assert (answer.json()["styles"], answer.json()["masks"]) == (4, 4)


def _noise(side: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def _noisy_jpeg(side: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(_noise(side))).save(out, "JPEG", quality=75)
    return out.getvalue()


def _huge_header() -> bytes:
    """A file of a few bytes that says it has 30,000 × 30,000 pixels."""
    small = bytearray(picture())
    small[16:24] = (30_000).to_bytes(4, "big") * 2
    small[29:33] = zlib.crc32(small[12:29]).to_bytes(4, "big")
    return bytes(small)


ONE_OF_US = "GIF, TIFF and BMP are accepted"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
REFUSED: dict[str, tuple[Files, dict[str, Any], str]] = {
    "not an image": (_files(content=b"hello"), {}, ONE_OF_US),
    "a style that is no image": (_files(b"hello"), {}, ONE_OF_US),
    "truncated": (_files(content=_noise(64)[:4000]), {}, ONE_OF_US),
    "SVG": (_files(content=SVG), {}, ONE_OF_US),
    "a huge header": (_files(content=_huge_header()), {}, "at most 200 megapixels are accepted"),
    "too many megapixels": (
        _files(content=picture(20_001, 10_000, mode="1", color=0)),
        {},
        "at most 200 megapixels are accepted",
    ),
    "too large a style": (_files(_huge_header()), {}, "at most 200 megapixels are accepted"),
    "no style": ([_file("content", picture())], {}, "one to 4 style pictures; 0 were given"),
    "five styles": (_files(*[picture()] * 5), {}, "one to 4 style pictures; 5 were given"),
    "negative weights": (_files(), {"weights": [-1]}, "finite numbers from 0 up"),
    "weights all zero": (_files(), {"weights": [0]}, "At least one weight must be greater than 0"),
    "infinite weights": (_files(), {"weights": [float("inf")]}, "finite numbers from 0 up"),
    "weights not numbers": (_files(), {"weights": [float("nan")]}, "finite numbers from 0 up"),
    "weights for other styles": (_files(), {"weights": [1, 1]}, "2 weights do not fit 1 style"),
    "alpha over 1": (_files(), {"alpha": 1.01}, "alpha is a number from 0 to 1"),
    "alpha under 0": (_files(), {"alpha": -0.1}, "alpha is a number from 0 to 1"),
    "alpha not a number": (_files(), {"alpha": float("nan")}, "alpha is a number from 0 to 1"),
    "a mask of another size": (
        [*_files(), _file("mask", picture(10, 10, mode="L", color=255))],
        {},
        "A mask must have its photo's shape, 64 × 48 pixels",
    ),
    "masks for other styles": (
        [*_files(picture(), picture(), picture()), _file("mask", picture(mode="L", color=255))],
        {},
        "1 masks do not fit 3 style pictures",
    ),
    "unknown network": (_files(), {"network": "resnet"}, "network is one of compact, vgg19"),
    "unknown colour": (_files(), {"color": "pink"}, "color is one of style, content, luminance"),
    "too small": (_files(), {"size": 8}, "size is 0 (as it is) or 64 to 4242 pixels"),
    "unknown option": (_files(), {"strength": 1}, "There is no option 'strength'; there are"),
    "no photo": ([_file("style", picture())], {}, "exactly one photo in `content`; 0 were given"),
    "two photos": (
        [*_files(), _file("content", picture())],
        {},
        "exactly one photo in `content`; 2 were given",
    ),
    "an unknown field": ([*_files(), _file("styles", b"")], {}, "There is no field `styles`"),
}


@pytest.mark.parametrize(("files", "options", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_gets_a_sentence_and_leaves_nothing(
    client: TestClient, files: Files, options: dict[str, Any], sentence: str
) -> None:
    answer = _post(client, files, **options)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"].startswith("Unprocessable")
    assert answer.json()["status"] == 422
    assert sentence in answer.json()["detail"]
    assert client.get("/api/v1/jobs").json()["jobs"] == []
    assert pictured() == set()


@pytest.mark.parametrize("options", ["{", "alpha=1"])
def test_options_that_are_no_json_are_refused(client: TestClient, options: str) -> None:
    answer = client.post("/api/v1/jobs", files=_files(), data={"options": options})
    assert answer.status_code == 422
    assert "`options` must be JSON such as" in answer.json()["detail"]


def test_options_that_are_no_object_are_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", files=_files(), data={"options": "[1]"})
    assert answer.status_code == 422
    assert "The options are a JSON object" in answer.json()["detail"]


def test_text_in_place_of_a_picture_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", files=_files(), data={"content": "photo.jpg"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "`content` must be a picture file, not text."


def test_another_content_type_is_415(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json={"content": "photo.jpg"})
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["detail"]


def test_a_broken_form_is_400(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data"}
    answer = client.post("/api/v1/jobs", content=b"no boundary", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_picture_over_the_byte_limit_is_refused(client: TestClient, setting: Setting) -> None:
    setting(max_upload_bytes=1 << 20)
    answer = _post(client, _files(content=_noise(640)))
    assert answer.status_code == 422
    assert "at most 1 MiB are accepted" in answer.json()["detail"]


# ---------------------------------------------------------------- the limit of a whole request


@contextmanager
def _served() -> Iterator[str]:
    """A real server on a free port; its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app.without_page(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def _endless(sent: list[int]) -> Iterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="content"; filename="a.png"\r\n\r\n'
    while True:
        sent.append(65536)
        yield bytes(65536)


def test_an_endless_body_ends_in_413_once_over_the_limit(studio: Path, setting: Setting) -> None:
    setting(max_upload_bytes=1 << 20, film_bytes=1 << 20)
    sent: list[int] = []
    headers = {"content-type": "multipart/form-data; boundary=x"}
    with _served() as address:
        answer = httpx.post(
            f"{address}/api/v1/jobs", content=_endless(sent), headers=headers, timeout=60
        )
        assert httpx.get(f"{address}/livez", timeout=60).status_code == 200
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "a picture may have 1 MiB, and all pictures of one job together 2 MiB" in answer.text
    assert sum(sent) < 16 * body_limits.most()  # what the sockets took in before it was answered


def test_a_body_announced_as_too_large_is_413_before_it_comes(
    studio: Path, setting: Setting
) -> None:
    setting(max_upload_bytes=1 << 20, film_bytes=1 << 20)
    with _served() as address, socket.create_connection(("127.0.0.1", int(address[17:]))) as wire:
        wire.sendall(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        wire.settimeout(5)
        assert wire.recv(64).startswith(b"HTTP/1.1 413 ")


def test_the_largest_allowed_pictures_pass(studio: Path, setting: Setting) -> None:
    photo = _noise(400)
    setting(max_upload_bytes=len(photo))
    with _served() as address:
        answer = httpx.post(
            f"{address}/api/v1/jobs", files=_files(photo, content=photo), timeout=60
        )
    assert answer.status_code == 202, answer.text


# ---------------------------------------------------------------- look, fetch, cancel


@pytest.mark.parametrize("what", ["", "/result", "/thumbnail", "/content", "/styles/0"])
def test_an_unknown_job_and_another_visitors_are_the_same_404(
    client: TestClient, stranger: TestClient, what: str
) -> None:
    job_id = _submitted(client)
    for asker, asked in ((client, "no-such-id"), (stranger, job_id)):
        answer = asker.get(f"/api/v1/jobs/{asked}{what}")
        assert answer.status_code == 404
        assert answer.json()["detail"] == NOT_YOURS


def test_no_visitor_cancels_anothers_job(client: TestClient, stranger: TestClient) -> None:
    job_id = _submitted(client)
    answer = stranger.delete(f"/api/v1/jobs/{job_id}")
    assert (answer.status_code, answer.json()["detail"]) == (404, NOT_YOURS)
    assert client.get(f"/api/v1/jobs/{job_id}").json()["state"] == "queued"


def test_cancelling_a_waiting_job_ends_it_and_again_changes_nothing(client: TestClient) -> None:
    job_id = _submitted(client)
    for _ in range(2):
        answer = client.delete(f"/api/v1/jobs/{job_id}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    answer = client.get(f"/api/v1/jobs/{job_id}/result")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "There is no picture: the job was cancelled."


def test_the_networks_are_those_a_worker_has_weights_for(client: TestClient) -> None:
    assert client.get("/api/v1/networks").json() == {"able": ["compact"], "default": "compact"}
    processes.touch("w", "worker", {"networks": ["vgg19", "compact"]})
    assert client.get("/api/v1/networks").json()["able"] == ["compact", "vgg19"]


def test_a_job_is_made_again_with_what_changes(client: TestClient, stranger: TestClient) -> None:
    job_id = _submitted(client)
    first = client.get(f"/api/v1/jobs/{job_id}").json()
    answer = client.post(f"/api/v1/jobs/{job_id}/again", json={"alpha": 0.25})
    body = answer.json()
    assert (answer.status_code, body["options"]) == (202, first["options"] | {"alpha": 0.25})
    assert answer.headers["location"] == f"/api/v1/jobs/{body['id']}"
    assert client.get(f"/api/v1/jobs/{body['id']}/content").content == (
        client.get(f"/api/v1/jobs/{job_id}/content").content
    )
    assert client.post(f"/api/v1/jobs/{job_id}/again").json()["options"] == first["options"]
    refused = client.post(f"/api/v1/jobs/{job_id}/again", json={"alpha": 2})
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "alpha is a number from 0 to 1.",
    )
    assert stranger.post(f"/api/v1/jobs/{job_id}/again").status_code == 404


def test_a_result_that_is_not_ready_is_409(client: TestClient) -> None:
    job_id = _submitted(client)
    waiting = client.get(f"/api/v1/jobs/{job_id}/result")
    assert (waiting.status_code, waiting.headers["content-type"]) == (
        409,
        "application/problem+json",
    )
    assert "still waits in line" in waiting.json()["detail"]
    assert jobs.claim("a worker")
    running = client.get(f"/api/v1/jobs/{job_id}/thumbnail")
    assert running.status_code == 409
    assert "being worked on" in running.json()["detail"]


def test_a_failed_job_tells_why(client: TestClient) -> None:
    job_id = _submitted(client)
    job = jobs.claim("a worker")
    assert job
    jobs.fail(job_id, job.attempt, Message("job.out_of_memory"))
    assert (
        client.get(f"/api/v1/jobs/{job_id}").json()["error"]
        == "The picture needs more memory than there is. Please try a smaller size."
    )
    answer = client.get(f"/api/v1/jobs/{job_id}/result")
    assert answer.status_code == 409
    assert (
        "The picture needs more memory than there is. Please try a smaller size."
        in answer.json()["detail"]
    )


def test_a_done_job_gives_its_pictures_and_what_made_them(client: TestClient) -> None:
    job_id = _submitted(client)
    _finish(job_id)
    seen = client.get(f"/api/v1/jobs/{job_id}").json()
    assert (seen["state"], seen["width"], seen["height"]) == ("done", 32, 24)
    assert seen["timings"] == {"total": 0.5}
    assert seen["weights_sha256"] == "0" * 64
    for what, kind, size in (
        ("result", "png", (32, 24)),
        ("thumbnail", "jpeg", (16, 12)),
        ("content", "png", (64, 48)),
        ("styles/0", "png", (64, 48)),
    ):
        answer = client.get(f"/api/v1/jobs/{job_id}/{what}")
        assert answer.headers["content-type"] == f"image/{kind}"
        assert answer.headers["cache-control"].startswith("private")
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == size
    assert client.get(f"/api/v1/jobs/{job_id}/styles/1").status_code == 404


def test_a_picture_that_is_gone_is_410(client: TestClient) -> None:
    job_id = _submitted(client)
    _finish(job_id)
    blobs.delete_job(job_id)
    answer = client.get(f"/api/v1/jobs/{job_id}/result")
    assert answer.status_code == 410
    assert answer.json()["detail"] == "This picture is no longer kept."


def test_mine_are_listed_newest_first_page_by_page(
    client: TestClient, stranger: TestClient
) -> None:
    made = [_submitted(client) for _ in range(3)]
    first = client.get("/api/v1/jobs?limit=2").json()
    assert [job["id"] for job in first["jobs"]] == [made[2], made[1]]
    second = client.get(f"/api/v1/jobs?limit=2&before={first['next']}").json()
    assert [job["id"] for job in second["jobs"]] == [made[0]]
    assert second["next"] is None
    assert stranger.get("/api/v1/jobs").json() == {"jobs": [], "next": None}


def test_a_page_of_no_size_is_a_problem(client: TestClient) -> None:
    answer = client.get("/api/v1/jobs?limit=0")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("limit: ")


# ---------------------------------------------------------------- trouble


def test_a_database_that_is_away_is_503(client: TestClient, studio: Path, setting: Setting) -> None:
    setting(database_url=f"sqlite:///{studio}")  # a folder is no database
    answer = _post(client, _files())
    assert answer.status_code == 503
    assert "cannot reach its database" in answer.json()["detail"]


def test_a_full_storage_is_507_and_leaves_nothing(client: TestClient, studio: Path) -> None:
    client.get("/api/v1/jobs")  # the database has its files
    files = _files(content=_noisy_jpeg(1000))  # 0.6 MB on its way, 2.9 MB as it is kept
    largest = max(file.stat().st_size for file in studio.rglob("*") if file.is_file())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + MIB, before[1]))  # rows still have room
    try:
        answer = _post(client, files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.status_code == 507
    assert "no room for more pictures" in answer.json()["detail"]
    assert client.get("/api/v1/jobs").json()["jobs"] == []
    assert pictured() == set()


def test_an_unexpected_error_is_a_500_with_one_sentence() -> None:
    application = FastAPI()
    problems.install(application)

    @application.get("/broken")
    def broken() -> None:
        raise RuntimeError("what no visitor reads")

    answer = TestClient(application, raise_server_exceptions=False).get("/broken")
    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("Something went wrong in the studio.")
    assert "visitor" not in answer.text


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_that_is_none_is_a_problem(client: TestClient, method: str) -> None:
    ask: Callable[[str], Any] = getattr(client, method)
    answer = ask("/api/v1/nothing/here")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    form = described["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]
    fields = form["multipart/form-data"]["schema"]["properties"]
    assert set(fields) == {"content", "style", "mask", "options", "webhook"}


def test_a_pause_is_shown_and_draining_refuses_with_retry_after(
    client: TestClient,
) -> None:
    job_id = _submitted(client)
    assert client.get(f"/api/v1/jobs/{job_id}").json()["studio"] == "open"
    service_state.change(service_state.State.PAUSED)
    body = client.get(f"/api/v1/jobs/{job_id}").json()
    assert (body["studio"], body["estimate"], body["position"]) == ("paused", None, 1)
    service_state.change(service_state.State.DRAINING)
    answer = _post(client, _files())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "what is in line is still made" in answer.json()["detail"]
    assert client.delete(f"/api/v1/jobs/{job_id}").json()["studio"] is None
