import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting
from web import app, uploads
from web.identity import COOKIE
from worker.blobs import StorageFull

UPLOAD = "/gradio_api/upload"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.create()) as made:
        made.get("/api/v1/me")  # a cookie
        yield made


def put(client: TestClient, size: int = 1000, name: str = "a.png"):  # type: ignore[no-untyped-def]  # noqa: ANN201, httpx or httpx2
    data = os.urandom(size)  # Gradio keeps the same bytes once
    return client.post(UPLOAD, files={"files": (name, data, "image/png")})


def lying() -> int:
    return sum(file.stat().st_size for file in uploads.folder().rglob("*") if file.is_file())


def test_a_visitor_uploads_so_many_a_minute(client: TestClient, setting: Setting) -> None:
    setting(visitor_uploads=3)
    assert [put(client).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = put(client)
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert "3 pictures a minute" in refused.text
    client.cookies.delete(COOKIE)
    assert put(client).status_code == 200  # somebody else


def test_an_address_uploads_so_many_a_minute(client: TestClient, setting: Setting) -> None:
    setting(address_uploads=3)
    found = []
    for _ in range(4):
        client.cookies.delete(COOKIE)
        found.append(put(client).status_code)
    assert found == [200, 200, 200, 429]


def test_uploads_count_towards_the_days_bytes(client: TestClient, setting: Setting) -> None:
    setting(daily_bytes=100_000)
    assert [put(client, 40_000).status_code for _ in range(3)] == [200, 200, 429]


def test_the_folder_stays_inside_its_cap_and_the_oldest_goes(
    client: TestClient, setting: Setting
) -> None:
    setting(uploads_bytes=100_000)
    kept = []
    for _ in range(8):
        answer = put(client, 30_000)
        assert answer.status_code == 200
        kept.append(Path(answer.json()[0]))
        assert lying() <= 100_000
    assert [path.exists() for path in kept] == [False] * 5 + [True] * 3


def test_an_upload_that_never_fits_is_refused(client: TestClient, setting: Setting) -> None:
    setting(uploads_bytes=10_000)
    put(client, 5000)
    answer = put(client, 20_000)
    assert answer.status_code == 507
    assert "no room" in answer.text
    assert lying() == 5000


def test_an_upload_must_say_how_long_it_is(client: TestClient) -> None:
    answer = client.post(UPLOAD, content=iter([b"some", b"bytes"]))
    assert answer.status_code == 411


def test_many_files_in_one_upload_are_one_too_large(client: TestClient, setting: Setting) -> None:
    setting(max_upload_bytes=100_000)
    files = [("files", (f"{n}.png", os.urandom(90_000), "image/png")) for n in range(20)]
    assert client.post(UPLOAD, files=files).status_code == 413
    assert lying() == 0


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/run/predict", "/", "/x"])
def test_nothing_else_takes_much(client: TestClient, path: str) -> None:
    answer = client.post(path, content=bytes(2 << 20))
    assert answer.status_code in {404, 405, 413}


@pytest.mark.parametrize("path", ["/upload", "/gradio_api//upload", "/gradio_api/upload/"])
def test_there_is_no_way_around_the_door(client: TestClient, setting: Setting, path: str) -> None:
    setting(visitor_uploads=1)
    put(client)
    answer = client.post(path, files={"files": ("a.png", b"bytes", "image/png")})
    assert answer.status_code in {404, 405, 429}


def test_the_folder_is_emptied_by_age(studio: Path, setting: Setting) -> None:
    setting(uploads_hours=1)
    for name, age in (("old", 7200), ("new", 1800)):
        file = uploads.folder() / name / "a.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"picture")
        for path in (file, file.parent):
            os.utime(path, (time.time() - age, time.time() - age))
    uploads.tidy()
    uploads.tidy()  # the empty folder is old only now
    assert [path.name for path in uploads.folder().rglob("*.png")] == ["a.png"]
    assert (uploads.folder() / "new").exists()
    with pytest.raises(StorageFull):
        uploads.tidy(1 << 40)
