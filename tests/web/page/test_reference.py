"""The API's page: all that OpenAPI describes, as HTML that holds nothing unescaped."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from web import app
from web.page import reference


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        yield made


class Seen(HTMLParser):
    """What a browser would see: texts, ids, addresses of scripts; and inline code, if any."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.ids, self.links = "", set[str](), list[str]()
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {given["id"] or ""} if "id" in given else set()
        self.links += [given[name] or "" for name in ("src", "href") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.inline += ["script"] if tag == "script" and "src" not in given else []

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_operation_is_on_the_page_in_both_languages(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for language, title in (("en", "To the studio"), ("ko", "스튜디오로")):
        answer = client.get("/api", headers={"Accept-Language": language})
        assert answer.headers["content-type"].startswith("text/html")
        seen = Seen(answer.text)
        assert title in seen.text
        for path, operations in document["paths"].items():
            assert path in seen.text
            for operation in operations.values():
                assert operation["operationId"] in seen.ids
                assert " ".join(operation["description"].split("\n\n")[0].split()).replace(
                    "`", ""
                ).replace("**", "") in " ".join(seen.text.split()), path


def test_the_page_loads_from_the_studio_alone_under_a_strict_policy(client: TestClient) -> None:
    answer = client.get("/api")
    seen = Seen(answer.text)
    assert seen.inline == []
    assert all(re.match(r"(/|#|\./|page/)", link) for link in seen.links), seen.links
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_texts_of_the_document_are_no_html() -> None:
    evil = "<img src=x onerror=alert(1)> `<b>` **<i>**"
    response = {"description": evil, "content": {}}
    operation = {"description": evil, "operationId": '"><script>', "responses": {"200": response}}
    parameter = {"name": evil, "in": "query", "description": evil, "schema": {"type": evil}}
    paths: Any = {f"/{evil}": {"get": operation | {"parameters": [parameter], "tags": [evil]}}}
    document = {"info": {"description": evil}, "paths": paths, "components": {"schemas": {}}}
    made = reference.page(document, "en", "/x")
    assert not re.search(r"<(img|b|i)\b", made)
    assert made.count("<script") == 1  # ours


def test_every_reference_of_the_document_leads_somewhere(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
