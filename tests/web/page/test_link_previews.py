"""What other programs show of links to the studio, read without scripts."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import picture
from tests.web.served import begin, finish
from web import app
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.gallery import entries


def _head(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return str(answer.text.partition("</head>")[0])


def _tags(head: str) -> dict[str, str]:
    return dict(re.findall(r'<meta property="([\w:]+)" content="([^"]*)">', head))


@pytest.fixture
def client(studio: Path) -> TestClient:
    cookies = {COOKIE: sign("owner")}
    return TestClient(app.create(), base_url="http://studio.example", cookies=cookies)


@pytest.fixture
def job_id(studio: Path) -> str:
    """A finished job of the owner's."""
    job = jobs.submit("owner", picture(), [picture()], options={"size": 64})
    finish(begin())
    entries.change(job.id, "owner", title='Evening "at" <the> fjord')
    return job.id


def test_the_page_has_a_preview_of_its_own_and_no_word_of_gradio(client: TestClient) -> None:
    head = _head(client, "/").partition("<script>window.gradio_config")[0]
    tags = _tags(head)
    assert tags["og:title"] == "AdaIN Studio"
    assert tags["og:url"] == "http://studio.example/"
    assert not re.search(r'(?:property|name)="(?:og|twitter):[^>]*gradio', head, re.IGNORECASE)
    assert head.count("og:image") == 1
    assert client.get(tags["og:image"]).headers["content-type"] == "image/jpeg"


def test_a_share_link_and_a_public_entry_show_their_picture_and_title(
    client: TestClient, job_id: str
) -> None:
    link = str(client.post(f"/api/v1/gallery/{job_id}/share").json()["own"]["link"])
    entries.publish(job_id, "owner")
    for path in (link.removeprefix("/api/v1"), f"/gallery/{job_id}"):
        head = _head(client, path)
        tags = _tags(head)
        assert tags["og:title"] == "Evening &quot;at&quot; &lt;the&gt; fjord"
        assert "gradio" not in head.lower()
        picture_address = tags["og:image"]
        assert picture_address.startswith("http://studio.example/api/v1/")
        client.cookies.clear()  # a program that reads a link is no visitor
        assert client.get(picture_address).headers["content-type"] == "image/png"


def test_what_is_not_shown_has_no_picture_in_its_preview(client: TestClient, job_id: str) -> None:
    for path in (f"/gallery/{job_id}", "/gallery/none", "/share/none"):
        tags = _tags(_head(client, path, 404))
        assert tags["og:title"] == "AdaIN Studio"
        assert tags["og:image"].endswith("/page/sample/card.jpg")
