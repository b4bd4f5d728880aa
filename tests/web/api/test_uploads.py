import io
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uuid_utils
from fastapi.testclient import TestClient
from PIL import Image, ImageChops
from sqlalchemy import delete, select, update

from adain.files import profiles
from tests.parts import Setting, picture
from web import app
from web.http import picture_cache
from web.http.picture_cache import PictureCache
from web.security.identity import COOKIE
from worker.images import images
from worker.jobs import Job
from worker.settings import MIB
from worker.storage import database, disk, marker
from worker.storage.blobs import StorageFull
from worker.storage.marker import Marker
from worker.visitors import accounts, fairness, uploads
from worker.visitors.uploads import LEAST, Upload, UploadNotFound

UPLOADS = "/api/v1/uploads"
PROFILE = profiles.profile(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), (0.3127, 0.3290), (2.2,))


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        made.get("/api/v1/me")  # a cookie
        yield made


def put(client: TestClient, data: bytes = picture()):  # type: ignore[no-untyped-def]  # noqa: ANN201, httpx or httpx2
    return client.post(UPLOADS, files={"picture": ("a.png", data, "image/png")})


def large(size: int) -> bytes:
    """Return a picture of about so many bytes: bytes after its end count."""
    return picture() + os.urandom(size - len(picture()))


def lying() -> dict[str, int]:
    return {file.name: file.stat().st_size for file in uploads.folder().iterdir()}


def rows() -> dict[str, int]:
    with database.reading() as session:
        return {row.id: row.bytes for row in session.scalars(select(Upload))}


def test_an_upload_is_shown_to_its_sender_only(client: TestClient) -> None:
    answer = put(client)
    assert answer.status_code == 201
    path = f"{UPLOADS}/{answer.json()['id']}"
    shown = client.get(path)
    assert shown.content == picture()
    assert shown.headers["content-type"] == "image/png"
    assert "private" in shown.headers["cache-control"]
    stranger = TestClient(client.app)
    for answer in (stranger.get(path), stranger.delete(path)):
        assert answer.status_code == 404
        assert answer.json()["code"] == "upload.not_found"
    assert client.get(path).status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert lying() == rows() == {}


@pytest.mark.parametrize("data", [b"", b"no picture", b"<svg/>", picture()[:60]])
def test_what_is_no_picture_is_refused_and_not_kept(client: TestClient, data: bytes) -> None:
    answer = put(client, data)
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(".")
    assert not uploads.folder().exists() or lying() == {}


def test_an_upload_is_one_file(client: TestClient) -> None:
    many = [("picture", (f"{n}.png", picture(), "image/png")) for n in range(20)]
    for body in (
        {"files": many},
        {"files": {"other": picture()}},
        {"files": {"picture": picture()}, "data": {"more": "text"}},
        {"data": {"picture": "text"}},
        {"content": picture()},
        {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
    ):
        assert client.post(UPLOADS, **body).status_code in {400, 415}
    assert rows() == {}


def test_a_visitor_uploads_so_many_a_minute(client: TestClient, setting: Setting) -> None:
    setting(visitor_uploads=3)
    assert [put(client).status_code for _ in range(4)] == [201, 201, 201, 429]
    refused = put(client)
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert "3 pictures a minute" in refused.text
    client.cookies.delete(COOKIE)
    assert put(client).status_code == 201  # another visitor


def test_an_address_uploads_so_many_a_minute(client: TestClient, setting: Setting) -> None:
    setting(address_uploads=3)
    found = []
    for _ in range(4):
        client.cookies.delete(COOKIE)
        found.append(put(client).status_code)
    assert found == [201, 201, 201, 429]


def test_uploads_count_towards_the_days_bytes(client: TestClient, setting: Setting) -> None:
    setting(daily_bytes=100_000)
    assert [put(client, large(40_000)).status_code for _ in range(3)] == [201, 201, 429]


def test_the_folder_stays_inside_its_cap_and_the_oldest_goes(
    client: TestClient, setting: Setting
) -> None:
    setting(uploads_bytes=400_000)
    kept = []
    for _ in range(8):
        answer = put(client, large(120_000))
        assert answer.status_code == 201
        kept.append(answer.json()["id"])
        assert sum(lying().values()) <= sum(rows().values()) <= 400_000
    assert set(lying()) == set(rows()) == set(kept[-3:])


def test_a_stranger_who_uploads_much_deletes_no_others_form_pictures(
    either: Path, setting: Setting
) -> None:
    setting(uploads_bytes=800_000)
    kept = [uploads.keep("ann", large(100_000)) for _ in range(2)]
    for _ in range(20):
        last = uploads.keep("stranger", large(100_000))
    assert set(kept) < set(rows())
    assert last in rows()


def test_a_stranger_with_a_new_cookie_each_time_deletes_nothing_of_who_keeps_less(
    either: Path, setting: Setting
) -> None:
    setting(uploads_bytes=800_000)
    kept = uploads.keep("ann", large(100_000))
    for number in range(20):
        with suppress(StorageFull):
            uploads.keep(f"stranger-{number}", large(150_000))
    assert kept in rows()
    assert set(rows()) == set(lying())


def _bytes_of_owners() -> Counter[str]:
    with database.reading() as session:
        found: Counter[str] = Counter()
        for owner, size in session.execute(select(Upload.owner, Upload.bytes)):
            found[owner] += size
    return found


def _insert_job(owner: str) -> None:
    """Insert a job of two days ago, so that the owner is no newcomer."""
    job_id, long_ago = str(uuid_utils.uuid7()), time.time() - 2 * 86_400
    row = Job(
        id=job_id, owner=owner, status="cancelled", options={}, content_key=f"{job_id}/content.png",
        style_keys=[], mask_keys=[], content_width=1, content_height=1, submitted=long_ago,
        finished=long_ago,
    )  # fmt: skip
    with database.transaction() as session:
        session.add(row)


@pytest.mark.parametrize("seed", range(4))
def test_laws_of_room_for_uploads_over_random_walks(
    studio: Path, setting: Setting, seed: int
) -> None:
    """Older owners, newcomers and an attacker with new cookies upload until all is full."""
    chance = random.Random(seed)
    most = 40 * LEAST
    setting(uploads_bytes=most, guaranteed_owners=(0, 8, 14, 20)[seed])
    older = [f"older-{number}" for number in range(4)]
    for owner in older:
        _insert_job(owner)
    refused = evicted = 0
    for step in range(120):
        owner = chance.choice([*older, "young-1", "young-2", f"attacker-{step}"])
        before, share = _bytes_of_owners(), fairness.share(most)
        try:
            uploads.keep(owner, large(chance.randrange(1, 8) * LEAST))
        except StorageFull:
            refused += 1
            assert _bytes_of_owners() == before
            continue
        after = _bytes_of_owners()
        assert after.total() <= most
        for other in before.keys() - {owner}:
            lost = before[other] - after[other]
            evicted += lost > 0
            assert not lost or before[other] > max(share, after[owner])
            assert not lost or owner in older or other not in older
    assert set(lying()) == set(rows())
    assert evicted
    assert refused


def test_many_small_files_are_as_good_as_a_large_one(client: TestClient, setting: Setting) -> None:
    setting(uploads_bytes=3 * LEAST)
    for _ in range(10):
        put(client)
    assert len(lying()) == len(rows()) == 3


def test_an_upload_looks_through_no_folder(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    scan = os.scandir

    def noted(path: Path) -> Any:  # noqa: ANN401, the iterator's class has no name
        looked.append(Path(path))
        return scan(path)

    put(client)
    monkeypatch.setattr(os, "scandir", noted)
    put(client)
    assert [one for one in looked if one.is_relative_to(uploads.folder().parent)] == []
    uploads.tidy()
    assert uploads.folder() in looked


def test_what_a_file_takes_of_the_disk_is_what_counts(studio: Path) -> None:
    upload_id = uploads.keep("ada", large(100_001))
    blocks = 512 * (uploads.folder() / upload_id).stat().st_blocks
    assert rows()[upload_id] == disk.rounded_up(100_001) >= blocks


def test_an_upload_that_never_fits_is_refused(client: TestClient, setting: Setting) -> None:
    setting(uploads_bytes=LEAST)
    kept = put(client).json()["id"]
    answer = put(client, large(LEAST + 5000))
    assert answer.status_code == 507
    assert "no room" in answer.text
    assert list(lying()) == [kept]


def test_a_picture_over_the_limit_is_refused(client: TestClient, setting: Setting) -> None:
    setting(max_upload_bytes=100_000)
    assert put(client, large(2 << 20)).status_code == 422  # a film may have as much
    setting(max_upload_bytes=100_000, film_seconds=0)
    assert put(client, large(100_001)).status_code == 422
    assert put(client, large(2 << 20)).status_code == 413
    assert rows() == {}


@pytest.mark.parametrize("path", ["/gradio_api/run/predict", "/", "/x"])
def test_routes_without_files_refuse_large_bodies(client: TestClient, path: str) -> None:
    answer = client.post(path, content=bytes(2 << 20))
    assert answer.status_code in {404, 405, 413}


def _age(hours: float) -> None:
    with database.transaction() as session:
        session.execute(update(Upload).values(created=Upload.created - hours * 3600))


def test_uploads_are_deleted_by_age(either: Path, setting: Setting) -> None:
    setting(uploads_hours=1)
    old = uploads.keep("ada", picture())
    _age(2)
    new = uploads.keep("ada", picture())
    uploads.tidy()
    assert set(lying()) == set(rows()) == {new}
    _age(2)
    uploads.tidy()
    assert lying() == rows() == {}
    for upload_id in (old, new):
        with pytest.raises(UploadNotFound):
            uploads.read(upload_id, "ada")


def test_what_no_row_names_is_deleted_unless_its_row_may_still_come(studio: Path) -> None:
    kept = uploads.keep("ada", picture())
    folder = uploads.folder()
    old, new, older = "a" * 32, "b" * 32, "c" * 64
    (folder / old).write_bytes(b"of a process that was killed")
    (folder / new).write_bytes(b"of an upload under way")
    (folder / older).mkdir()  # an older version's
    (folder / older / "photo.png").write_bytes(picture())
    past = time.time() - 86_400
    for name in (old, older, kept):
        os.utime(folder / name, (past, past))
    uploads.tidy()
    assert set(lying()) == {kept, new}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "large", "gone"])
def test_what_is_no_file_of_a_pictures_size_is_not_read(
    studio: Path, kind: str, setting: Setting
) -> None:
    upload_id = uploads.keep("ada", picture())
    file = uploads.folder() / upload_id
    data = file.read_bytes()
    file.unlink()
    if kind == "link":
        (uploads.folder() / "other").write_bytes(data)
        file.symlink_to("other")
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "large":
        setting(max_upload_bytes=1000, film_bytes=1000)
        file.write_bytes(bytes(1001))
    with pytest.raises(UploadNotFound):
        uploads.read(upload_id, "ada")


def test_an_upload_over_the_cap_leaves_no_file(studio: Path, setting: Setting) -> None:
    setting(uploads_bytes=1000)
    with pytest.raises(StorageFull):
        uploads.keep("ada", picture())
    assert lying() == rows() == {}


def test_uploads_go_with_everything_of_their_owner(client: TestClient) -> None:
    put(client)
    theirs = uploads.keep("grace", picture())
    assert client.delete("/api/v1/me").status_code == 204
    assert set(lying()) == set(rows()) == {theirs}


def test_uploads_come_along_when_their_owner_signs_in(studio: Path) -> None:
    upload_id = uploads.keep("visitor", picture())
    owner = accounts.sign_in("https://issuer", "ada", "Ada", "visitor", "fresh")
    assert uploads.read(upload_id, owner) == picture()


def test_a_database_of_another_studio_deletes_no_uploads(studio: Path) -> None:
    upload_id = uploads.keep("ann", picture())
    file = uploads.folder() / upload_id
    os.utime(file, (0, 0))
    marker.renew()
    with database.transaction() as session:
        session.execute(delete(Upload))
        session.execute(delete(Marker))
    uploads.tidy()
    assert file.exists()
    marker.renew()
    uploads.tidy()
    assert not file.exists()


def turned(kind: str) -> bytes:
    """Return a picture 20 × 10 in Adobe RGB, to be turned by 90° by its EXIF orientation."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    picture = Image.new("RGB", (20, 10), (40, 160, 90))
    picture.save(out, kind, exif=exif, icc_profile=PROFILE, quality=100)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_what_is_shown_is_the_upright_picture_in_srgb_for_every_kind(
    client: TestClient, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = turned(kind)
    taken = put(client, data).json()
    assert (taken["width"], taken["height"]) == (10, 20)
    whole, copy = f"{UPLOADS}/{taken['id']}", f"{UPLOADS}/{taken['id']}/shown"
    for kept in (True, False):  # in this process
        if not kept:
            monkeypatch.setattr(picture_cache, "displayed", PictureCache(MIB))
        shown = client.get(copy)
        assert shown.headers["content-type"] == "image/jpeg"
        assert "private" in shown.headers["cache-control"]
        with Image.open(io.BytesIO(shown.content)) as image:
            assert image.size == (10, 20)
            used = Image.open(io.BytesIO(images.clean(data).data))
            assert difference(image, used) <= 3
            plain = Image.new("RGB", (10, 20), (40, 160, 90))
            assert difference(image, plain) > 10  # what its profile means
    assert client.get(whole).content == data
    assert TestClient(client.app).get(copy).status_code == 404


def difference(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of any sample, of 255."""
    channels = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return max(int(high) for _, high in channels)  # type: ignore[misc]


def test_a_large_picture_is_shown_small(client: TestClient) -> None:
    taken = put(client, picture(3000, 2000)).json()
    assert (taken["width"], taken["height"]) == (3000, 2000)
    with Image.open(io.BytesIO(client.get(f"{UPLOADS}/{taken['id']}/shown").content)) as image:
        assert image.size == (1152, 768)


def test_copies_to_be_shown_are_kept_within_a_bound(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PictureCache(3 * picture_cache.LEAST)
    monkeypatch.setattr(picture_cache, "displayed", cache)
    for _ in range(5):
        put(client, picture(4, 4))
    assert cache.bytes == 3 * picture_cache.LEAST
    client.delete("/api/v1/me")
    assert cache.bytes == 0
