import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from tests.parts import Setting, picture, statements
from tests.web.served import begin, finish, served
from web import app, cli
from web.client import Studio, StudioError
from web.http import archive, stored
from worker import jobs
from worker.errors import Message
from worker.storage import blobs

BATCHES = "/api/v1/batches"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), raise_server_exceptions=False) as made:
        yield made


def post(client: TestClient, photos: int = 2, styles: int = 2, **more: Any) -> Any:  # noqa: ANN401
    colors = ("teal", "orange", "navy", "olive")
    files = [
        *(("content", (f"p{n}.png", picture(color=colors[n]))) for n in range(photos)),
        *(("style", (f"s{n}.png", picture(color=colors[n]))) for n in range(styles)),
    ]
    return client.post(BATCHES, files=files, data={"options": '{"size": 64}'}, **more)


def names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        return found.namelist()


def test_a_batch_is_accepted_looked_at_and_fetched(client: TestClient) -> None:
    answer = post(client)
    assert answer.status_code == 202, answer.text
    batch = answer.json()
    assert client.get(answer.headers["location"]).json()["id"] == batch["id"]
    assert (batch["photos"], batch["styles"]) == (["p0", "p1"], ["s0", "s1"])
    places = [(cell["photo"], cell["style"]) for cell in batch["cells"]]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert (batch["counts"]["queued"], batch["position"], batch["progress"]) == (4, 1, 0)

    address = f"{BATCHES}/{batch['id']}"
    assert client.get(f"{address}/zip").status_code == 409
    finish(begin())
    jobs.fail((job := begin()).id, job.attempt, Message("job.out_of_memory"))
    batch = client.get(address).json()
    assert (batch["counts"]["done"], batch["counts"]["failed"]) == (1, 1)
    assert batch["progress"] == 0.5
    assert (
        batch["cells"][1]["error"]
        == "The picture needs more memory than there is. Please try a smaller size."
    )
    assert client.get(f"/api/v1/jobs/{job.id}").json()["batch"] == batch["id"]

    zipped = client.get(f"{address}/zip")
    assert zipped.headers["content-type"] == "application/zip"
    assert names(zipped.content) == ["01-p0--01-s0.png"]
    stopped = client.delete(address).json()
    assert (stopped["counts"]["cancelled"], stopped["progress"]) == (2, 1)


def test_a_stranger_finds_no_batch(client: TestClient) -> None:
    address = f"{BATCHES}/{post(client).json()['id']}"
    stranger = TestClient(client.app)
    seen = stranger.get(BATCHES).json()
    assert (seen["batches"], seen["next"]) == ([], None)
    for ask in (stranger.get, stranger.delete):
        assert ask(address).status_code == 404
    assert stranger.get(f"{address}/zip").status_code == 404
    assert client.get(address).json()["counts"]["queued"] == 4


def test_batches_are_listed_page_by_page(client: TestClient) -> None:
    made = [post(client, 1, 1).json()["id"] for _ in range(3)]
    first = client.get(BATCHES, params={"limit": 2}).json()
    assert [batch["id"] for batch in first["batches"]] == [made[2], made[1]]
    second = client.get(BATCHES, params={"limit": 2, "before": first["next"]}).json()
    assert ([batch["id"] for batch in second["batches"]], second["next"]) == ([made[0]], None)


def test_the_list_says_what_one_batch_may_have(client: TestClient, setting: Setting) -> None:
    setting(max_batch=3, max_batch_bytes=1000)
    assert client.get(BATCHES).json()["limits"] == {"pictures": 3, "bytes": 1000}
    setting(visitor_waiting=2)  # more can't be in line
    assert client.get(BATCHES).json()["limits"]["pictures"] == 2


def test_what_is_wrong_with_a_batch_is_a_sentence(client: TestClient, setting: Setting) -> None:
    setting(max_batch=3)
    sentence = post(client).json()["detail"]
    assert "3 pictures at most" in sentence
    many = [("content", (f"{n}.png", picture())) for n in range(60)]
    assert client.post(BATCHES, files=many).json()["detail"] == sentence  # the one sentence
    assert "at least one photo" in post(client, 0, 1).json()["detail"]
    text = client.post(BATCHES, data={"content": "text", "style": "text"}, files={"a": b""})
    assert text.status_code == 422
    mask = client.post(BATCHES, files={"mask": picture()})
    assert mask.json()["detail"] == "There is no field `mask`; there are content, style, options."
    assert client.post(BATCHES, json={}).status_code == 415
    assert jobs.counts()[jobs.Status.QUEUED] == 0


def test_a_batch_may_be_larger_than_a_job_but_not_any_size(
    client: TestClient, setting: Setting
) -> None:
    setting(max_upload_bytes=100_000, max_batch_bytes=300_000)
    filler = ("content", ("big.png", b"x" * 2_000_000))
    answer = client.post(BATCHES, files=[filler])
    assert answer.status_code == 413
    assert "all pictures of one batch together" in answer.json()["detail"]


def test_the_same_key_makes_one_batch(client: TestClient) -> None:
    client.get(BATCHES)  # get a cookie
    key = {"Idempotency-Key": "holiday"}
    first, again = post(client, headers=key), post(client, headers=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert post(client, photos=1, headers=key).status_code == 422
    assert jobs.counts()[jobs.Status.QUEUED] == 4


def test_a_deleted_picture_is_left_out_of_the_zip(client: TestClient) -> None:
    batch = post(client, 2, 1).json()
    for _ in range(2):
        finish(begin())
    blobs.delete_job(batch["cells"][0]["id"])
    zipped = client.get(f"{BATCHES}/{batch['id']}/zip")
    assert names(zipped.content) == ["02-p1--01-s0.png"]


def test_an_archive_is_sent_while_it_is_made() -> None:
    asked: list[io.BytesIO] = []
    size = 3 * stored.PIECE

    def files() -> Iterator[tuple[str, int, IO[bytes]]]:
        for number in range(3):
            asked.append(io.BytesIO(bytes([number]) * size))
            yield f"{number}.png", size, asked[-1]

    made = archive.zipped(files())
    first = next(made)
    [file] = asked  # the second is not even opened
    assert file.tell() == stored.PIECE
    whole = [first, *made]
    assert names(b"".join(whole)) == ["0.png", "1.png", "2.png"]
    assert max(map(len, whole)) < stored.PIECE + 1000  # a piece, and what is said of a file
    assert all(file.closed for file in asked)


def test_the_client_sends_watches_and_fetches_a_batch(studio: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    with served() as address, Studio(address) as me:
        batch = me.submit_batch([picture()] * 2, [picture()], size=64)
        assert not batch.ended
        with pytest.raises(StudioError, match="No picture of this batch is done"):
            me.fetch_batch(batch.id, out)
        assert not list(tmp_path.glob("*.zip*"))
        finish(begin())
        assert me.cancel_batch(batch.id).ended
        assert [seen.counts["done"] for seen in me.watch_batch(batch.id)] == [1]
        me.fetch_batch(batch.id, out)
    assert len(names(out.read_bytes())) == 1


def test_the_command_line_sends_a_batch(studio: Path, tmp_path: Path) -> None:
    for name in ("one.png", "two.png", "style.png"):
        (tmp_path / name).write_bytes(picture())
    one, two, style = (str(tmp_path / name) for name in ("one.png", "two.png", "style.png"))
    with served() as address:
        here = ["--studio", address, "--cookies", str(tmp_path / "cookies")]
        done = CliRunner().invoke(cli.app, ["batch", one, two, "-s", style, "--size", "64", *here])
        assert done.exit_code == 0, done.output
        with Studio(address, tmp_path / "cookies") as me:
            batch = me.batch(done.stdout.strip())
    assert (batch.photos, batch.styles) == (["one", "two"], ["style"])
    assert json.dumps(batch.options["size"]) == "64"


def test_batches_are_listed_by_as_many_statements_however_many_there_are(
    client: TestClient,
) -> None:
    first = post(client).json()
    with statements() as one:
        assert [batch["id"] for batch in client.get(BATCHES).json()["batches"]] == [first["id"]]
    others = [post(client, styles=1).json() for _ in range(3)]
    with statements() as many:
        found = client.get(BATCHES).json()["batches"]
    assert [batch["id"] for batch in found] == [one["id"] for one in [*others[::-1], first]]
    assert [len(batch["cells"]) for batch in found] == [2, 2, 2, 4]
    alone = [client.get(f"{BATCHES}/{batch['id']}").json() for batch in found]
    assert [batch["position"] for batch in found] == [batch["position"] for batch in alone]
    looks = [[text for text in sent if "FROM jobs" in text] for sent in (one, many)]
    assert len(looks[0]) == len(looks[1]) > 0
