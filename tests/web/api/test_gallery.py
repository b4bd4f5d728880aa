import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.requests import Request
from starlette.types import Message

from tests.parts import Setting, finish, picture, pictured
from web import app
from web.api import privacy
from web.http import checking
from web.security import identity
from worker import jobs
from worker.images.line import Line
from worker.options import Options
from worker.storage import blobs, database
from worker.visitors import rate_limits
from worker.visitors.rate_limits import Cost, Visitor

UNKNOWN = "00000000-0000-7000-8000-000000000000"
NOWHERE = "There is no picture with this id in the gallery."
OPTIONS = {
    "alpha": 0.25, "weights": [], "color": "content", "size": 128, "network": "compact",
    "transfer": "adain", "region": "all", "transparency": "flatten", "strokes": 1.0,
    "keep_margins": False, "crop": [], "style_crops": [], "method": "adain", "effort": "more",
    "loss": "gram", "start": "photo", "steps": 0, "taught": "", "teach": "",
}  # fmt: skip


@pytest.fixture
def owner(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), raise_server_exceptions=False) as made:
        made.get("/api/v1/jobs")
        yield made


@pytest.fixture
def stranger(owner: TestClient) -> TestClient:
    """Another visitor, who has a cookie of their own."""
    made = TestClient(owner.app)
    made.get("/api/v1/jobs")
    return made


@pytest.fixture
def anonymous(owner: TestClient) -> TestClient:
    """A visitor without a cookie."""
    return TestClient(owner.app)


def owner_id(client: TestClient) -> str:
    signed = identity.read(client.cookies[identity.COOKIE])
    assert signed is not None
    return signed[0]


def made(client: TestClient, **options: object) -> str:
    """A finished job's id."""
    job = jobs.submit(owner_id(client), picture(), [picture(20, 20)], options=OPTIONS | options)
    claimed = jobs.claim("worker-1")
    assert claimed is not None
    blobs.put(f"{job.id}/result-1.png", picture(32, 24, color="red"))
    blobs.put(f"{job.id}/thumbnail-1.jpg", picture(16, 12, "JPEG"))
    assert finish(claimed, 32, 24, {"total": 0.5})
    return job.id


def do(client: TestClient, what: str, job_id: str) -> dict[str, Any]:
    answer = client.post(f"/api/v1/gallery/{job_id}/{what}")
    assert answer.status_code == 200, answer.text
    entry: dict[str, Any] = answer.json()
    return entry


def listed(client: TestClient, **asked: object) -> list[str]:
    answer = client.get("/api/v1/gallery", params={k: str(v) for k, v in asked.items()})
    assert answer.status_code == 200, answer.text
    return [entry["id"] for entry in answer.json()["entries"]]


def detail(answer: Any, status: int) -> str:  # noqa: ANN401, httpx or httpx2
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    sentence: str = answer.json()["detail"]
    return sentence


# ---------------------------------------------------------------- who may

READ = ["", "/picture", "/thumbnail", "/download"]
WRITE = {
    "change": ("PATCH", ""),
    "publish": ("POST", "/publish"),
    "unpublish": ("POST", "/unpublish"),
    "share": ("POST", "/share"),
    "revoke": ("POST", "/revoke"),
    "delete": ("DELETE", ""),
}
ASKERS = ("anonymous", "stranger", "owner")


def ask(client: TestClient, method: str, path: str) -> Any:  # noqa: ANN401, httpx or httpx2
    body = {"title": "mine"} if method == "PATCH" else None
    return client.request(method, path, json=body)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("state", ["private", "public", "unpublished", "shared", "hidden"])
def test_who_may_see_an_entry(
    request: pytest.FixtureRequest,
    owner: TestClient,
    setting: Setting,
    asker: str,
    state: str,
) -> None:
    job_id = made(owner)
    for verb in {
        "private": [],
        "public": ["publish"],
        "unpublished": ["publish", "unpublish"],
        "shared": ["share"],
        "hidden": ["publish"],
    }[state]:
        do(owner, verb, job_id)
    if state == "hidden":
        setting(reports_to_hide=1)
        report = TestClient(owner.app).post(f"/api/v1/gallery/{job_id}/report")
        assert report.status_code == 204
    client: TestClient = request.getfixturevalue(asker)
    for what in READ:
        answer = client.get(f"/api/v1/gallery/{job_id}{what}")
        if asker == "owner" or state == "public":
            assert answer.status_code == 200
        else:
            assert detail(answer, 404) == NOWHERE
            assert answer.json() == client.get(f"/api/v1/gallery/{UNKNOWN}{what}").json()


@pytest.mark.parametrize(("method", "what"), WRITE.values(), ids=WRITE)
@pytest.mark.parametrize("asker", ASKERS)
def test_only_the_owner_changes_an_entry(
    request: pytest.FixtureRequest, owner: TestClient, asker: str, method: str, what: str
) -> None:
    job_id = made(owner)
    do(owner, "publish", job_id)  # published: readable by all, writable by the owner only
    before = owner.get(f"/api/v1/gallery/{job_id}").json()
    client: TestClient = request.getfixturevalue(asker)
    answer = ask(client, method, f"/api/v1/gallery/{job_id}{what}")
    if asker == "owner":
        assert answer.is_success
    else:
        assert detail(answer, 404) == NOWHERE
        assert owner.get(f"/api/v1/gallery/{job_id}").json() == before
    assert detail(ask(client, method, f"/api/v1/gallery/{UNKNOWN}{what}"), 404) == NOWHERE


@pytest.mark.parametrize("asker", ["anonymous", "stranger"])
def test_another_visitor_cannot_delete_many(
    request: pytest.FixtureRequest, owner: TestClient, asker: str
) -> None:
    job_id = made(owner)
    client: TestClient = request.getfixturevalue(asker)
    answer = client.post("/api/v1/gallery/delete", json={"ids": [job_id]})
    assert answer.json() == {"deleted": []}
    assert listed(owner) == [job_id]


@pytest.mark.parametrize("asker", ASKERS)
def test_each_gallery_has_its_owners_entries_and_the_public_one_what_was_published(
    request: pytest.FixtureRequest, owner: TestClient, asker: str
) -> None:
    private, public = made(owner), made(owner)
    do(owner, "publish", public)
    client: TestClient = request.getfixturevalue(asker)
    assert listed(client) == ([public, private] if asker == "owner" else [])
    assert listed(client, scope="public") == [public]


@pytest.mark.parametrize("asker", ["anonymous", "stranger"])
def test_a_public_entry_tells_nothing_of_its_owner_and_its_sources(
    request: pytest.FixtureRequest, owner: TestClient, asker: str
) -> None:
    job_id = made(owner)
    do(owner, "publish", job_id)
    link = do(owner, "share", job_id)["own"]["link"]
    client: TestClient = request.getfixturevalue(asker)
    job = jobs.get(job_id, owner_id(owner))
    entry = client.get(f"/api/v1/gallery/{job_id}").json()
    assert entry["own"] is None
    assert entry["options"] == OPTIONS
    for address in (
        f"/api/v1/gallery/{job_id}",
        "/api/v1/gallery?scope=public",
        link,
        entry["picture"],
        entry["thumbnail"],
        entry["download"],
    ):
        said = client.get(address).content
        for private in (job.owner, job.style_digests[0], job.worker or "", "content.", "style-0"):
            assert private.encode() not in said, address
    for source in ("", "/content", "/styles/0", "/result", "/thumbnail"):
        assert client.get(f"/api/v1/jobs/{job_id}{source}").status_code == 404


def test_an_owner_sees_the_sources_and_how_it_went(owner: TestClient) -> None:
    job_id = made(owner)
    own = owner.get(f"/api/v1/gallery/{job_id}").json()["own"]
    assert own["timings"] == {"total": 0.5}
    assert own["link"] is None
    assert own["kept_until"] > own["submitted"] + 29 * 86400
    [style] = own["styles"]
    for address in (own["content"], style["address"]):
        assert owner.get(address).status_code == 200
    assert listed(owner, style=style["digest"]) == [job_id]


# ---------------------------------------------------------------- lists


def test_pages_follow_their_cursor(owner: TestClient) -> None:
    all_of_them = [made(owner) for _ in range(3)]
    for job_id in all_of_them:
        do(owner, "publish", job_id)
    for scope in ("mine", "public"):
        asked: dict[str, Any] = {"scope": scope, "limit": 2, "order": "oldest"}
        first = owner.get("/api/v1/gallery", params=asked).json()
        second = owner.get("/api/v1/gallery", params=asked | {"cursor": first["next"]}).json()
        found = [entry["id"] for entry in first["entries"] + second["entries"]]
        assert (found, second["next"]) == (all_of_them, None)


def test_a_list_is_searched_and_filtered(owner: TestClient) -> None:
    sea, wood = made(owner), made(owner, size=256, color="style")
    answer = owner.patch(
        f"/api/v1/gallery/{sea}", json={"title": "Sea", "tags": ["blue"], "favourite": True}
    )
    assert (answer.json()["title"], answer.json()["tags"]) == ("Sea", ["blue"])
    assert answer.json()["own"]["favourite"] is True
    for asked in (
        {"text": "sea BLUE"},
        {"favourite": "true"},
        {"size": 128},
        {"color": "content"},
        {"text": "sea", "network": "compact", "since": 0},
    ):
        assert listed(owner, **asked) == [sea], asked
    assert listed(owner, text="", network="compact") == [wood, sea]
    assert listed(owner, until=1000) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 101},
        {"cursor": "x"},
        {"scope": "all"},
        {"network": "resnet"},
        {"style": "night"},
        {"since": "nan"},
        {"colour": "style"},
        {"order": "best"},
        {"scope": "public", "favourite": "true"},
        {"scope": "public", "cursor": UNKNOWN},
    ],
)
def test_what_can_not_be_asked_is_refused_with_a_sentence(
    owner: TestClient, asked: dict[str, Any]
) -> None:
    assert detail(owner.get("/api/v1/gallery", params=asked), 422).endswith(".")


@pytest.mark.parametrize("body", [{"titel": "x"}, {"title": 1}, {"tags": ["x" * 41]}, []])
def test_an_invalid_change_of_an_entry_is_refused(owner: TestClient, body: Any) -> None:  # noqa: ANN401
    assert detail(owner.patch(f"/api/v1/gallery/{made(owner)}", json=body), 422)


# ---------------------------------------------------------------- pictures


def test_a_picture_taken_back_is_not_shown_from_a_browsers_memory(
    owner: TestClient, stranger: TestClient
) -> None:
    job_id = made(owner)
    do(owner, "publish", job_id)
    address = f"/api/v1/gallery/{job_id}/thumbnail"
    first = stranger.get(address)
    assert first.headers["content-type"] == "image/jpeg"
    assert "no-cache" in first.headers["cache-control"]
    known = {"If-None-Match": first.headers["etag"]}
    again = stranger.get(address, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    do(owner, "unpublish", job_id)
    assert detail(stranger.get(address, headers=known), 404) == NOWHERE


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("settings", ["true", "false"])
def test_a_download_comes_back_as_its_settings_if_they_were_wanted(
    owner: TestClient, kind: str, settings: str
) -> None:
    job_id = made(owner)
    asked = {"format": kind, "settings": settings}
    answer = owner.get(f"/api/v1/gallery/{job_id}/download", params=asked)
    assert answer.headers["content-type"] == f"image/{kind}"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["content-disposition"].endswith(f'.{kind}"')
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == (kind.upper(), (32, 24))
    found = owner.post("/api/v1/settings", files={"picture": ("a", answer.content)})
    if settings == "true":
        assert found.json() == {
            "options": Options.model_validate(OPTIONS).model_dump(mode="json"),
            "network": "compact", "weights_sha256": "ab" * 32, "version": "1.0",
        }  # fmt: skip
    else:
        assert "carries no settings" in detail(found, 422)


def _downloads(client: TestClient) -> list[str]:
    """Return where an entry's file is had: in the gallery, and behind its link."""
    entry = client.post(f"/api/v1/gallery/{made(client)}/share").json()
    return [
        f"{address}/download"
        for address in (f"/api/v1/gallery/{entry['id']}", entry["own"]["link"])
    ]


def test_a_download_is_encoded_in_its_visitors_turn_and_charged(
    owner: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged: list[str] = []
    charge = rate_limits.charge

    def noted(visitor: Visitor, *costs: Cost) -> None:
        charged.append(visitor.owner)
        assert all(cost.amount > 0 for cost in costs)
        charge(visitor, *costs)

    monkeypatch.setattr(rate_limits, "charge", noted)
    for address in _downloads(owner):
        monkeypatch.setattr(checking, "encoding", Line(2, 1))
        assert owner.get(address).status_code == 200
        monkeypatch.setattr(checking, "encoding", Line(0, 0, patience=0))
        answer = owner.get(address)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert charged == [owner_id(owner)] * 2


@pytest.mark.parametrize("left", [True, False])
def test_nothing_is_encoded_for_a_client_that_left_while_it_waited(
    studio: Path, left: bool
) -> None:
    async def receive() -> Message:
        if not left:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "GET", "headers": []}, receive)
    work = checking.encode(Visitor("ann", "here"), request.is_disconnected, lambda: "a file")
    made = asyncio.run(work)
    assert made == (None if left else "a file")


def test_a_download_too_long_for_its_format_is_refused_and_not_offered(owner: TestClient) -> None:
    job_id = made(owner)
    entry = owner.get(f"/api/v1/gallery/{job_id}").json()
    assert entry["formats"] == ["png", "jpeg", "webp"]
    job = jobs.submit(owner_id(owner), picture(), [picture(20, 20)], options=OPTIONS)
    claimed = jobs.claim("worker-1")
    assert claimed is not None
    blobs.put(f"{job.id}/result-1.png", picture(17_000, 64))
    blobs.put(f"{job.id}/thumbnail-1.jpg", picture(16, 12, "JPEG"))
    assert finish(claimed, 17_000, 64, {"total": 0.5})
    address = f"/api/v1/gallery/{job.id}"
    assert owner.get(address).json()["formats"] == ["png", "jpeg"]
    said = detail(owner.get(f"{address}/download?format=webp"), 422)
    assert "too large for WEBP" in said
    assert owner.get(f"{address}/download?format=jpeg").status_code == 200


def test_a_download_in_no_known_format_is_refused(owner: TestClient) -> None:
    asked = f"/api/v1/gallery/{made(owner)}/download?format=gif"
    assert "'png', 'jpeg' or 'webp'" in detail(owner.get(asked), 422)


@pytest.mark.parametrize(
    ("files", "status", "sentence"),
    [
        ({"picture": ("a.png", b"hello")}, 422, "GIF, TIFF and BMP are accepted"),
        ({"picture": ("a.png", picture())}, 422, "carries no settings"),
        ({"photo": ("a.png", picture())}, 400, "one picture file in the field `picture`"),
    ],
)
def test_settings_are_read_from_pictures_only(
    owner: TestClient,
    files: dict[str, tuple[str, bytes]],
    status: int,
    sentence: str,
) -> None:
    assert sentence in detail(owner.post("/api/v1/settings", files=files), status)


def test_a_picture_whose_file_is_gone_says_so(owner: TestClient) -> None:
    job_id = made(owner)
    blobs.delete_job(job_id)
    for what in ("picture", "thumbnail", "download"):
        said = detail(owner.get(f"/api/v1/gallery/{job_id}/{what}"), 410)
        assert said == "This picture is no longer kept."


# ---------------------------------------------------------------- share


def test_a_link_shows_one_private_entry_until_it_is_revoked(
    owner: TestClient, anonymous: TestClient
) -> None:
    job_id = made(owner)
    link = do(owner, "share", job_id)["own"]["link"]
    assert do(owner, "share", job_id)["own"]["link"] == link
    entry = anonymous.get(link).json()
    assert (entry["id"], entry["own"]) == (job_id, None)
    assert anonymous.get(f"/api/v1/gallery/{job_id}").status_code == 404
    pictures = [entry["picture"], entry["thumbnail"], entry["download"]]
    etag = anonymous.get(pictures[0]).headers["etag"]
    assert all(anonymous.get(address).status_code == 200 for address in pictures)
    assert do(owner, "revoke", job_id)["own"]["link"] is None
    for address in (link, *pictures):
        answer = anonymous.get(address, headers={"If-None-Match": etag})
        said = detail(answer, 410)
        assert said == (
            "This link shows nothing any more: it was taken back, or its picture is deleted."
        )
        assert job_id not in answer.text
    assert do(owner, "share", job_id)["own"]["link"] != link


def test_a_link_of_a_deleted_entry_is_gone(owner: TestClient, anonymous: TestClient) -> None:
    job_id = made(owner)
    link = do(owner, "share", job_id)["own"]["link"]
    assert owner.delete(f"/api/v1/gallery/{job_id}").status_code == 204
    assert detail(anonymous.get(link), 410)


@pytest.mark.parametrize("change", ["cut", "forged", "another secret", "a cookie"])
def test_a_link_that_was_never_given_out_is_404(
    owner: TestClient, setting: Setting, change: str
) -> None:
    link = do(owner, "share", made(owner))["own"]["link"]
    start, _, token = link.rpartition("/")
    match change:
        case "cut":
            token = token[:-3]
        case "forged":
            token = "WyJ4IiwwXQ." + token.rpartition(".")[2]
        case "another secret":
            setting(cookie_secret="another", database_url=database.engine().url)
        case "a cookie":
            token = owner.cookies[identity.COOKIE]
    said = detail(owner.get(f"{start}/{token}"), 404)
    assert said == "There is no such link; perhaps a part of it is missing."


# ---------------------------------------------------------------- delete


def test_an_entry_is_deleted_with_its_pictures(owner: TestClient) -> None:
    one, two, three = made(owner), made(owner), made(owner)
    assert owner.delete(f"/api/v1/gallery/{one}?forever=true").status_code == 204
    assert detail(owner.delete(f"/api/v1/gallery/{one}?forever=true"), 404) == NOWHERE
    asked = {"ids": [one, two, UNKNOWN], "forever": True}
    answer = owner.post("/api/v1/gallery/delete", json=asked)
    assert answer.json() == {"deleted": [two]}
    assert listed(owner) == [three]
    assert pictured() == {three}


def test_what_is_deleted_lies_in_the_bin_unread_until_it_is_restored_or_the_bin_is_emptied(
    owner: TestClient, anonymous: TestClient
) -> None:
    one, two = made(owner), made(owner)
    do(owner, "publish", one)
    link = do(owner, "share", one)["own"]["link"]
    assert owner.delete(f"/api/v1/gallery/{one}").status_code == 204
    assert detail(owner.delete(f"/api/v1/gallery/{one}"), 404) == NOWHERE
    assert detail(anonymous.get(link), 410)
    for address in (f"gallery/{one}", f"jobs/{one}", f"jobs/{one}/result", f"jobs/{one}/content"):
        assert owner.get(f"/api/v1/{address}").status_code == 404, address
    assert listed(owner) == [two]
    assert [job["id"] for job in owner.get("/api/v1/jobs").json()["jobs"]] == [two]
    [binned] = owner.get("/api/v1/bin").json()
    assert binned["kept_until"] - binned["deleted"] <= 30 * 86400
    assert owner.get(binned["thumbnail"]).status_code == 200
    assert anonymous.get(binned["thumbnail"]).status_code == 404
    assert anonymous.get("/api/v1/bin").json() == []
    ids = {"ids": [one, two, UNKNOWN]}
    assert anonymous.post("/api/v1/bin/restore", json=ids).json() == {"restored": []}
    assert owner.post("/api/v1/bin/restore", json=ids).json() == {"restored": [one]}
    assert anonymous.get(link).json()["published"] is not None
    assert owner.post("/api/v1/gallery/delete", json={"ids": [one]}).json() == {"deleted": [one]}
    assert anonymous.delete("/api/v1/bin").json() == {"deleted": []}
    assert owner.delete("/api/v1/bin").json() == {"deleted": [one]}
    assert pictured() == {two}


def test_a_bin_says_the_day_by_which_the_studio_deletes_a_picture_anyway(
    owner: TestClient, setting: Setting
) -> None:
    one, two = made(owner), made(owner)
    owner.patch(f"/api/v1/gallery/{two}", json={"favourite": True})
    finished = owner.get(f"/api/v1/gallery/{one}").json()["finished"]
    owner.post("/api/v1/gallery/delete", json={"ids": [one, two]})
    for days, kept in (3, finished + 3 * 86400), (0, None), (90, None):
        setting(retention_days=days, database_url=database.engine().url)
        binned = {entry["id"]: entry for entry in owner.get("/api/v1/bin").json()}
        assert binned[one]["kept_until"] == (kept or binned[one]["deleted"] + 30 * 86400)
        assert binned[two]["kept_until"] is None


def test_everything_of_a_visitor_includes_the_bin(owner: TestClient) -> None:
    owner.delete(f"/api/v1/gallery/{made(owner)}")
    assert owner.delete("/api/v1/me").status_code < 300
    assert pictured() == set()


@pytest.mark.parametrize("ids", [[], [UNKNOWN] * 101, "all", [1]])
def test_a_deletion_of_what_can_be_no_ids_is_refused(owner: TestClient, ids: object) -> None:
    assert detail(owner.post("/api/v1/gallery/delete", json={"ids": ids}), 422)


# ---------------------------------------------------------------- history


def test_a_history_leads_to_ones_own_pictures_and_shows_others_nothing(
    owner: TestClient, anonymous: TestClient
) -> None:
    first = made(owner)
    again = owner.post(f"/api/v1/jobs/{first}/again", json={"alpha": 0.5}).json()["id"]
    claimed = jobs.claim("worker-1")
    assert claimed is not None
    blobs.put(f"{again}/thumbnail-1.jpg", picture(16, 12, "JPEG"))
    assert finish(claimed, 32, 24, {"total": 0.5})
    found = owner.get(f"/api/v1/gallery/{again}/history").json()
    assert [one["id"] for one in found["ancestors"]] == [first]
    assert owner.get(found["ancestors"][0]["thumbnail"]).status_code == 200
    found = owner.get(f"/api/v1/gallery/{first}/history").json()
    assert [one["id"] for one in found["children"]] == [again]
    do(owner, "publish", first)
    assert anonymous.get(f"/api/v1/gallery/{first}").status_code == 200
    assert detail(anonymous.get(f"/api/v1/gallery/{first}/history"), 404) == NOWHERE
    owner.delete(f"/api/v1/gallery/{first}?forever=true")
    assert owner.get(f"/api/v1/gallery/{again}/history").json()["ancestors"] == [None]


# ---------------------------------------------------------------- report


def test_enough_visitors_take_an_entry_down(owner: TestClient, stranger: TestClient) -> None:
    job_id = made(owner)
    do(owner, "publish", job_id)
    address = f"/api/v1/gallery/{job_id}/report"
    for _ in range(3):
        assert stranger.post(address, json={"reason": "not nice"}).status_code == 204
        assert TestClient(owner.app).post(address).status_code == 204  # without a cookie
    assert listed(owner, scope="public") == [job_id]  # one address counts once
    for last in (1, 2):
        elsewhere = TestClient(owner.app, client=(f"192.0.2.{last}", 5000))
        assert elsewhere.post(address).status_code == 204
    assert listed(owner, scope="public") == []
    assert detail(stranger.post(address), 404) == NOWHERE
    assert owner.get(f"/api/v1/gallery/{job_id}").json()["own"]["hidden"] is True
    for verb in ("publish", "share"):
        said = detail(owner.post(f"/api/v1/gallery/{job_id}/{verb}"), 422)
        assert "was taken down after reports" in said


def test_reports_from_the_networks_of_one_customer_count_once(
    owner: TestClient,
) -> None:
    job_id = made(owner)
    do(owner, "publish", job_id)
    for number in range(5):
        elsewhere = TestClient(owner.app, client=(f"2001:db9:1:{number}::1", 5000))
        assert elsewhere.post(f"/api/v1/gallery/{job_id}/report").status_code == 204
    assert listed(owner, scope="public") == [job_id]


@pytest.mark.parametrize("state", ["private", "shared", "unknown"])
def test_what_is_not_public_can_not_be_reported(
    owner: TestClient, stranger: TestClient, state: str
) -> None:
    job_id = made(owner)
    if state == "shared":
        do(owner, "share", job_id)
    asked = UNKNOWN if state == "unknown" else job_id
    assert detail(stranger.post(f"/api/v1/gallery/{asked}/report"), 404) == NOWHERE


def test_a_report_with_too_long_a_reason_is_refused(owner: TestClient) -> None:
    answer = owner.post(f"/api/v1/gallery/{made(owner)}/report", json={"reason": "x" * 501})
    assert "at most 500 characters" in detail(answer, 422)


# ---------------------------------------------------------------- privacy


def test_the_privacy_text_says_what_this_studio_does(owner: TestClient, setting: Setting) -> None:
    for language in ("en", "ko"):
        said = owner.get("/api/v1/privacy", params={"language": language}).json()
        assert said["language"] == language
        assert "30" in said["paragraphs"][1]
        assert "3" in said["paragraphs"][-1]
        assert "{" not in json.dumps(said["paragraphs"])
    setting(retention_days=0, reports_to_hide=7)
    assert "deletes nothing by itself" in privacy.text()[1]
    assert "7 different visitors" in privacy.text()[-1]
    assert detail(owner.get("/api/v1/privacy?language=xx"), 422)


def test_every_route_of_the_gallery_is_described(owner: TestClient) -> None:
    paths = owner.get("/api/v1/openapi.json").json()["paths"]
    for path in ("gallery", "gallery/{job_id}", "share/{token}", "settings", "privacy"):
        assert f"/api/v1/{path}" in paths
