"""The API against its own description: schemathesis asks, the description says what may come."""

import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.parts import picture
from tests.web.served import begin, finish, served

CONFIG = """
[parameters]
job_id = "{job_id}"
batch_id = "{batch_id}"
preview_id = "{preview_id}"

[[operations]]  # any bytes fit the description, but only a picture is accepted
include-name = [
    "POST /api/v1/jobs", "POST /api/v1/batches", "POST /api/v1/previews", "POST /api/v1/settings",
    "POST /api/v1/subject", "POST /api/v1/uploads",
]
checks.positive_data_acceptance.enabled = false

[[operations]]  # any object fits the description, but only options are accepted
include-name = ["POST /api/v1/jobs/{{job_id}}/again"]
checks.positive_data_acceptance.enabled = false

[[operations]]  # any text fits the description, but only a short printable one is accepted
include-name = ["POST /api/v1/me/keys", "PATCH /api/v1/gallery/{{job_id}}"]
checks.positive_data_acceptance.enabled = false

[[operations]]  # any text fits the description, but only what a page gave is accepted
include-name = ["GET /api/v1/gallery", "GET /api/v1/gallery/public"]
checks.positive_data_acceptance.enabled = false

[[operations]]  # nobody works here, and that is what they tell
include-name = ["GET /healthz", "GET /readyz"]
checks.not_a_server_error.enabled = false

[[operations]]  # so that the others have something to find
include-name = "DELETE /api/v1/gallery/{{job_id}}"
parameters = {{ job_id = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e" }}
"""


@pytest.fixture
def client(studio: Path) -> Iterator[httpx.Client]:
    with served() as address, httpx.Client(base_url=address, timeout=60) as made:
        made.get("/api/v1/jobs")  # get a cookie
        yield made


@pytest.fixture
def described(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the API's operations by name."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in described["paths"].items()
        if path.startswith("/api/")
        for method, operation in methods.items()
    }


def checker(described: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": described["components"]})


def submit(client: httpx.Client) -> httpx.Response:
    files = {"content": picture(), "style": picture()}
    return client.post("/api/v1/jobs", files=files)


def test_every_operation_answers_as_its_description_says(
    client: httpx.Client, tmp_path: Path
) -> None:
    job_id = submit(client).json()["id"]
    finish(begin())
    batch = client.post("/api/v1/batches", files={"content": picture(), "style": picture()})
    finish(begin())
    preview = client.post("/api/v1/previews", files={"content": picture(), "style": picture()})
    config = tmp_path / "schemathesis.toml"
    made = {"job_id": job_id, "batch_id": batch.json()["id"], "preview_id": preview.json()["id"]}
    config.write_text(CONFIG.format(**made))
    cookie = client.cookies["studio"]
    program = Path(sysconfig.get_path("scripts"), "schemathesis")
    asked = f"run {client.base_url}/api/v1/openapi.json --no-color --seed 1 --max-time 25 "
    asked += "--max-examples 5 --phases examples,coverage,fuzzing -H"
    done = subprocess.run(
        [program, "--config-file", config, *asked.split(), f"Cookie: studio={cookie}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_error_is_described_as_a_problem(described: dict[str, Any]) -> None:
    for name, operation in operations(described).items():
        assert {"422", "503"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (name, status)


def test_every_address_says_what_it_is_for(described: dict[str, Any]) -> None:
    for name, operation in operations(described).items():
        assert operation["description"].endswith("."), name


def test_who_asks_is_known_by_a_cookie_or_a_key(described: dict[str, Any]) -> None:
    assert described["components"]["securitySchemes"]["cookie"]["name"] == "studio"
    for name, operation in operations(described).items():
        assert operation["security"] == [{"cookie": []}, {"key": []}, {}], name


def test_the_examples_match_their_schemas(described: dict[str, Any]) -> None:
    count = 0
    for schema in described["components"]["schemas"].values():
        for example in schema.get("examples", []):
            checker(described, schema).validate(example)
            count += 1
    assert count >= 6


def test_the_answer_to_a_submission_matches_its_schema(
    client: httpx.Client, described: dict[str, Any]
) -> None:
    responses = described["paths"]["/api/v1/jobs"]["post"]["responses"]
    schema = responses["202"]["content"]["application/json"]["schema"]
    checker(described, schema).validate(submit(client).json())


def test_what_a_webhook_tells_is_described(described: dict[str, Any]) -> None:
    reported = described["webhooks"]["job-ended"]["post"]
    assert "webhook-signature" in reported["description"]
    assert reported["requestBody"]


def test_another_method_gets_the_allowed_ones(client: httpx.Client) -> None:
    answer = client.put("/api/v1/jobs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json()["detail"] == "This address takes GET, POST."
    assert client.get("/api/v1/nothing").status_code == 404
