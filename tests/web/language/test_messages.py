"""Messages: every code that is raised has a text in each language, with the same gaps."""

import ast
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from PIL import Image
from sqlalchemy import update

from adain.files import kinds, pictures
from tests.parts import Setting, picture
from tests.web.served import begin, served
from web.language import messages, texts
from worker import jobs
from worker.errors import Message, english, gaps
from worker.images.header import ACCEPTED
from worker.jobs import Job
from worker.storage import database
from worker.webhooks import deliveries

ROOT = Path(texts.__file__).parents[2]
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
MADE_BY = {"Message": 0, "CodedError": 0, "MaskError": 0, "HTTPProblem": 1}  # where the code stands
NO_GAPS = {"headers"}


class Use(NamedTuple):
    """A place where a message is made: its codes, and the gaps that it fills."""

    where: str
    codes: list[str]
    filled: set[str]


def _name(node: ast.expr) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def _trees() -> dict[str, ast.Module]:
    """Return every module of the three packages by its file, those of migrations left out."""
    return {
        str(file.relative_to(ROOT)): ast.parse(file.read_text("utf-8"))
        for package in ("adain", "worker", "web")
        for file in (ROOT / package).rglob("*.py")
        if "migrations" not in file.parts
    }


def _makers(trees: dict[str, ast.Module]) -> dict[str, int]:
    """Return the classes that a message is made by, and where in their arguments the code stands.

    A class that has an `__init__` is left out: what that hands on is looked at.
    """
    classes = [
        node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    found = dict(MADE_BY)
    while True:
        new = {
            one.name: found[_name(base)]
            for one in classes
            for base in one.bases
            if _name(base) in found and one.name not in found
        }
        if not new:
            return found
        found |= new


def _with_own(trees: dict[str, ast.Module], makers: dict[str, int]) -> set[str]:
    return {
        node.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in makers.keys() - MADE_BY.keys()
        if any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body)
    }


def _codes(node: ast.expr) -> list[str] | None:
    """Return what codes an argument may be; None: one that a message has already."""
    match node:
        case ast.Constant(value=str(code)):
            return [code]
        case ast.IfExp():
            return [*(_codes(node.body) or ()), *(_codes(node.orelse) or ())]
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), _]) if prefix.endswith("."):
            return [code for code in english() if code.startswith(prefix)]
        case ast.Attribute(attr="code"):
            return None
    return [f"no literal: {ast.unparse(node)}"]


def _inside(node: ast.AST, base: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the base of its class; those of `MADE_BY` hand on what they get."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.ClassDef):
            if part.name not in MADE_BY:
                yield from _inside(part, _name(part.bases[0]) if part.bases else "")
            continue
        if isinstance(part, ast.Call):
            yield base, part
        yield from _inside(part, base)


def _uses() -> list[Use]:
    trees = _trees()
    of_studio = _makers(trees)
    own = _with_own(trees, of_studio)
    found = []
    for file, tree in trees.items():
        makers = {"MaskError": 0, "FilmError": 0} if file.startswith("adain") else of_studio
        for base, call in _inside(tree):
            args, name = call.args, _name(call.func)
            if name == "__init__" and base in makers:
                name = base
                args = [one for one in args if _name(one) != "self"]
            elif name in own:
                continue
            if name not in makers or len(args) <= makers[name]:
                continue
            codes = _codes(args[makers[name]])
            if codes is not None:
                filled = {str(one.arg) for one in call.keywords} - NO_GAPS
                found.append(Use(f"{file}:{call.lineno}", codes, filled))
    return found


def test_every_message_has_a_text_whose_gaps_it_fills() -> None:
    wrong = [
        (use.where, code, use.filled)
        for use in _uses()
        for code in use.codes
        if code not in english() or gaps(english()[code]) != use.filled
    ]
    assert wrong == []


def test_every_text_is_used() -> None:
    used = {code for use in _uses() for code in use.codes}
    assert len(used) > 140
    assert english().keys() - used == set()


def test_every_language_has_the_same_texts_with_the_same_gaps() -> None:
    for language in texts.LANGUAGES:
        known = messages.known(language)
        assert known.keys() == english().keys(), language
        assert {code: gaps(text) for code, text in known.items()} == {
            code: gaps(text) for code, text in english().items()
        }, language


def test_every_korean_text_is_korean() -> None:
    for code, text in messages.known("ko").items():
        says = re.sub(r"\{\w+\}|\W", "", text)
        assert not says or _hangul(text), code


def test_no_route_raises_an_error_without_a_code() -> None:
    without = [
        f"{file}:{node.lineno}"
        for file, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        if _name(node.exc.func) == "HTTPException"
    ]
    assert without == []


def test_a_text_file_is_in_order() -> None:
    for file in (ROOT / "worker/errors.en.json", texts.FOLDER / "ko.errors.json"):
        codes = list(json.loads(file.read_text("utf-8")))
        assert codes == sorted(codes), file


# ---------------------------------------------------------------- what adain says itself


def test_the_library_says_the_same_of_masks_and_kinds_of_files() -> None:
    named = {code: text for code, text in english().items() if code.startswith("kind.")}
    assert named == {f"kind.{kind}": text for kind, text in kinds.NAMES.items()}
    assert str(ACCEPTED) == kinds.ACCEPTED
    assert english()["notice.faint"] == f"{{what}} {pictures.FAINT}"
    for value, check in (
        (0, pictures.check_mask),
        (3, pictures.check_mask),
        (255, partial(pictures.fitted, size=(8, 16))),
    ):
        with pytest.raises(pictures.MaskError) as error:
            check(Image.new("L", (8, 8), value))
        assert str(Message(error.value.code, **error.value.params)) == str(error.value)


# ---------------------------------------------------------------- messages


NESTED = Message(
    "picture.rejected",
    what=Message("part.style", number=2),
    why=Message("picture.too_large", limit=25.0),
)


def _hangul(text: str) -> bool:
    return bool(re.search("[가-힣]", text))


def test_a_message_within_a_message_is_said_in_the_same_language() -> None:
    assert str(NESTED) == (
        "Style picture 2: The picture is too large: at most 25 megapixels are accepted."
    )
    assert (
        messages.said(NESTED, "ko") == "스타일 그림 2: 그림이 너무 큽니다. 25메가픽셀까지 받습니다."
    )


def test_what_fills_a_gap_is_no_text_with_gaps() -> None:
    assert (
        str(Message("field.not_text", field="{field} {code}")) == "`{field} {code}` must be text."
    )


def test_a_message_comes_back_from_json() -> None:
    listed = Message("options.color", names=["style", "content"])
    for message in (NESTED, listed):
        assert Message.load(json.loads(json.dumps(message.dump()))) == message


@pytest.mark.parametrize(
    "given",
    [
        None,
        "mask.black",
        {"code": "mask.black"},
        {"code": "mask.black", "params": None},
        {"code": "mask.black", "params": {"more": 1}},
        {"code": "no.code", "params": {}},
        {"code": 1, "params": {}},
        {"code": "picture.too_large", "params": {}},
        {"code": "picture.too_large", "params": {"limit": None}},
        {"code": "picture.too_large", "params": {"limit": True}},
        {"code": "picture.too_large", "params": {"limit": float("nan")}},
        {"code": "picture.too_large", "params": {"limit": [1]}},
        {"code": "picture.too_large", "params": {"limit": {"code": "no.code", "params": {}}}},
    ],
    ids=str,
)
def test_json_that_is_no_message_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="no "):
        Message.load(given)


# ---------------------------------------------------------------- answers


@pytest.fixture
def client(studio: Path) -> Iterator[httpx.Client]:
    with served() as address, httpx.Client(base_url=address, timeout=60) as made:
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


def test_without_accept_language_the_texts_are_english(client: httpx.Client) -> None:
    answer = client.get("/api/v1/jobs/nothing")
    assert answer.json()["detail"] == "There is no job with this id among yours."
    assert answer.headers["content-language"] == "en"


def test_who_asks_too_often_reads_it_in_korean(client: httpx.Client, setting: Setting) -> None:
    setting(visitor_submissions=1)
    _submit(client)
    answer = _submit(client)
    assert answer.status_code == 429
    several = "느린 방법의 작업은 여러 개로 셉니다"
    said = f"1분에 작업 1개까지 보낼 수 있으며, {several}. 잠시 기다려 주세요."
    assert answer.json()["detail"] == said


def test_why_a_job_failed_is_shown_in_korean(client: httpx.Client) -> None:
    job_id = _submit(client).json()["id"]
    job = begin()
    jobs.fail(job.id, job.attempt, Message("job.time_limit", seconds=60))
    body = client.get(f"/api/v1/jobs/{job_id}", headers=KOREAN).json()["error"]
    assert body == "작업이 60초가 지나 멈추었습니다. 더 작은 크기로 해 주세요."
    why = client.get(f"/api/v1/jobs/{job_id}/result", headers=KOREAN).json()["detail"]
    assert why == f"그림이 없습니다. {body}"


def test_a_problem_has_a_type_a_code_and_parameters(client: httpx.Client) -> None:
    files = {"content": picture(), "style": b"<svg/>"}
    answer = client.post("/api/v1/jobs", files=files, headers=KOREAN).json()
    assert (answer["type"], answer["code"]) == (
        "/api/v1/problems/picture.rejected",
        "picture.rejected",
    )
    assert answer["params"]["what"] == {"code": "part.style", "params": {"number": 1}}
    assert answer["params"]["why"]["params"]["kind"] == {"code": "kind.svg", "params": {}}
    assert str(Message.load({name: answer[name] for name in ("code", "params")})).startswith(
        "Style picture 1: SVG drawings can't be used"
    )
    reported = client.get(answer["type"], headers=KOREAN).json()
    assert reported == {"code": "picture.rejected", "text": "{what}: {why}"}


def test_all_codes_are_listed(client: httpx.Client) -> None:
    listed = client.get("/api/v1/problems").json()
    assert {one["code"]: one["text"] for one in listed} == english()
    unknown = client.get("/api/v1/problems/none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "problem.not_found")


def test_what_a_library_says_is_a_problem_without_a_code(client: httpx.Client) -> None:
    answer = client.get("/nowhere/at/all.txt").json()
    assert answer.get("type", "about:blank") == "about:blank"
    assert "code" not in answer


def test_a_malformed_request_says_which_field(client: httpx.Client) -> None:
    answer = client.get("/api/v1/jobs?limit=0", headers=KOREAN).json()
    assert (answer["code"], answer["params"]["field"]) == ("request.invalid", "limit")
    assert _hangul(answer["detail"])


# ---------------------------------------------------------------- rows


def _record(job_id: str, **columns: object) -> None:
    """Write columns of a job as another version of the program would."""
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(**columns))


def _failed(client: httpx.Client) -> str:
    job_id: str = _submit(client).json()["id"]
    job = begin()
    assert jobs.fail(job.id, job.attempt, Message("job.time_limit", seconds=60))
    return job_id


def test_a_row_keeps_code_and_parameters(client: httpx.Client) -> None:
    job = jobs.find(_failed(client))
    assert (job.error_code, job.error_params) == ("job.time_limit", {"seconds": 60})
    assert job.error == str(job.failure)


def test_a_sentence_of_an_earlier_version_is_shown_as_it_is(client: httpx.Client) -> None:
    job_id = _failed(client)
    _record(job_id, error="It did not work.", error_code=None, error_params=None)
    shown = client.get(f"/api/v1/jobs/{job_id}", headers=KOREAN).json()
    assert (shown["error"], shown["error_code"]) == ("It did not work.", None)


def test_a_code_that_an_earlier_version_left_is_not_believed(client: httpx.Client) -> None:
    job_id = _failed(client)
    _record(job_id, error="It did not work.")
    shown = client.get(f"/api/v1/jobs/{job_id}", headers=KOREAN).json()
    assert (shown["error"], shown["error_code"]) == ("It did not work.", None)
    _record(job_id, error=None)
    assert jobs.find(job_id).failure is None


def test_who_watches_a_job_reads_in_korean_why_it_failed(client: httpx.Client) -> None:
    job_id = _failed(client)
    events = client.get(f"/api/v1/jobs/{job_id}/events", headers=KOREAN).text
    reported = json.loads(events.partition("data: ")[2].partition("\n")[0])
    assert reported["error_code"] == "job.time_limit"
    assert _hangul(reported["error"])


def test_the_result_of_a_webhook_is_translated() -> None:
    for failure in (
        Message("webhook.no_answer", seconds=10.0),
        Message("webhook.redirected", status=302),
    ):
        assert _hangul(messages.said(deliveries.Delivery(**_columns(failure)).failure or "", "ko"))


def _columns(failure: Message) -> dict[str, object]:
    return {
        "error": str(failure),
        "error_code": failure.code,
        "error_params": failure.dump()["params"],
    }
