"""What the studio refuses, in Korean."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.parts import Setting, module_name, picture
from tests.web.served import begin, served
from web.language import sentences, texts
from worker import jobs
from worker.errors import Message

ROOT = Path(texts.__file__).parents[2]
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
# Modules whose sentences only the operator reads; what they raise is checked all the same.
OPERATORS = {
    "web.cli",
    "web.client.studio",
    "web.http.descriptors",
    "web.operations.health",
    "web.launcher.launcher",
    "web.operations.metrics",
    "web.api.openapi",
    "web.launcher.valkey",
    "web.commands",
    "worker.maintenance.adoption",
    "worker.maintenance.backup",
    "worker.maintenance.check_backup",
    "worker.storage.database",
    "worker.observability.metrics",
    "worker.maintenance.reclaim",
    "worker.maintenance.restore",
    "worker.storage.revisions",
    "worker.cookie_secrets",
    "worker.maintenance.sweep",
    "worker.maintenance.verify",
}
# Modules that describe the API as well: what they raise is for visitors.
DOORS = {
    "web.api.api",
    "web.api.batches",
    "web.api.events",
    "web.api.gallery.reports",
    "web.api.previews",
    "web.api.submission",
    "web.api.webhooks",
}
RAISES = {"Refused", "HTTPException"}  # what these are given, in the doors


def _hangul(text: str) -> bool:
    return bool(re.search("[가-힣]", text))


def _skeleton(sentence: str) -> str:
    return re.sub(r"\{[^{}\"]*\}", "{}", sentence)


def _written(node: ast.expr) -> str:
    """Return a literal as it is written, its gaps as {}."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_written(part) for part in node.values)
    return "{}" if isinstance(node, ast.FormattedValue) else ""


def _is_sentence(text: str) -> bool:
    return text.endswith(".") and len(text.split()) > 2


def _literals(tree: ast.AST) -> Iterator[str]:
    """Yield the sentences written in a tree, docstrings left out."""
    skipped = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(part for part in ast.walk(node) if part is not node)  # type: ignore[misc]
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and node not in skipped and _is_sentence(_written(node)):
            yield _skeleton(_written(node))


def _raised(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISES:
            yield from _literals(node)


def _modules() -> dict[str, ast.Module]:
    """Return every module of `web` and `worker`, those of migrations left out."""
    return {
        module_name(file, ROOT): ast.parse(file.read_text("utf-8"))
        for package in ("web", "worker")
        for file in (ROOT / package).rglob("*.py")
        if "migrations" not in file.parts
    }


def test_every_sentence_for_a_visitor_has_its_korean() -> None:
    fields = {_skeleton(english) for english in sentences.known("ko")}
    found: dict[str, set[str]] = {}
    for name, tree in _modules().items():
        only_raised = name in OPERATORS | DOORS
        found[name] = set(_raised(tree) if only_raised else _literals(tree))
    assert sum(map(len, found.values())) > 5
    assert {name: missing for name, said in found.items() if (missing := said - fields)} == {}


def test_no_module_is_left_out_without_need() -> None:
    fields, modules = {_skeleton(english) for english in sentences.known("ko")}, _modules()
    for name in OPERATORS | DOORS:
        assert set(_literals(modules[name])) - fields, f"{name} need not be named here"


def test_both_languages_of_a_sentence_have_the_same_gaps() -> None:
    for english, korean in sentences.known("ko").items():
        gaps = [sorted(re.findall(r"\{\w+\}", text)) for text in (english, korean)]
        assert set(gaps[1]) <= set(gaps[0]), english
        assert _hangul(korean), english


def test_a_sentence_within_a_sentence_is_said_as_well() -> None:
    said = sentences.said(
        "Style picture 2: The picture is too large: at most 25 megapixels are accepted.", "ko"
    )
    assert said == "스타일 그림 2: 그림이 너무 큽니다. 25메가픽셀까지 받습니다."


def test_what_has_no_translation_stays_as_it_is() -> None:
    for sentence in ("Nobody ever said this.", "x" * 5000, ""):
        assert sentences.said(sentence, "ko") == sentence
    alpha = "alpha is a number from 0 to 1."
    assert sentences.said(alpha, "en") == alpha


@pytest.fixture
def client(studio: Path) -> Iterator[httpx.Client]:
    with served() as address, httpx.Client(base_url=address) as made:
        made.get("/api/v1/jobs")
        yield made


def _submit(
    client: httpx.Client, content: bytes = picture(), options: str = "{}", **more: bytes
) -> httpx.Response:
    files = {"content": content, "style": picture()} | more
    return client.post("/api/v1/jobs", files=files, data={"options": options}, headers=KOREAN)


@pytest.mark.parametrize(
    "asked",
    [
        {"content": b"no picture"},
        {"content": b"<svg/>"},
        {"content": picture()[:80]},
        {"mask": picture(9, 9)},
        {"options": '{"alpha": 3}'},
        {"options": '{"size": 7}'},
        {"options": '{"network": "none"}'},
        {"options": '{"weights": [1, 2]}'},
        {"options": '{"depth": 1}'},
        {"options": "3"},
        {"options": "{"},
        {"colour": b"red"},
    ],
    ids=str,
)
def test_a_refused_job_says_so_in_korean(client: httpx.Client, asked: dict[str, bytes]) -> None:
    answer = _submit(client, **asked)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert _hangul(answer.json()["detail"]), answer.json()
    assert answer.headers["content-language"] == "ko"


def test_without_a_wish_it_is_english(client: httpx.Client) -> None:
    answer = client.get("/api/v1/jobs/nothing")
    assert answer.json()["detail"] == "There is no job with this id among yours."
    assert answer.headers["content-language"] == "en"


def test_who_asks_too_often_reads_it_in_korean(client: httpx.Client, setting: Setting) -> None:
    setting(visitor_submissions=1)
    _submit(client)
    answer = _submit(client)
    assert answer.status_code == 429
    assert answer.json()["detail"] == "1분에 작업 1개까지 보낼 수 있습니다. 잠시 기다려 주세요."


def test_why_a_job_failed_is_shown_in_korean(client: httpx.Client) -> None:
    job_id = _submit(client).json()["id"]
    job = begin()
    jobs.fail(job.id, job.attempt, Message("job.time_limit", seconds=60))
    body = client.get(f"/api/v1/jobs/{job_id}", headers=KOREAN).json()["error"]
    assert body == "작업이 60초가 지나 멈추었습니다. 더 작은 크기로 해 주세요."
    why = client.get(f"/api/v1/jobs/{job_id}/result", headers=KOREAN).json()["detail"]
    assert why == f"그림이 없습니다. {body}"


def test_the_result_of_a_webhook_is_translated() -> None:
    for said in (
        "There was no answer within 10 seconds.",
        "The address answered 302. Redirects are not followed.",
        "The address answered 500.",
    ):
        assert _hangul(sentences.said(said, "ko"))
