"""What OpenAPI says beyond the signatures of routes: errors, identity, examples."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.routing import compile_path

from web.language.problems import TYPES
from web.security.identity import COOKIE
from worker.errors import Message

TEXT = """
Jobs in, pictures out. A job is sent as a form, answered with an id, and then looked at, watched
(`/events`) or told about (a webhook); its picture is fetched when it is done.

**Who you are** is a signed cookie that comes with the first answer. Keep it: your jobs are
visible with it alone. A program is you with a key of yours (`/me/keys`), sent as
`Authorization: Bearer`.

**What goes wrong** is answered as `application/problem+json` (RFC 9457); `detail` is a sentence
for people in their language, `code` and `params` say the same to programs, and `type` is where
the code is explained (`/problems`).

    curl -c cookies -b cookies -F content=@photo.jpg -F style=@night.jpg \\
         -F 'options={"alpha": 0.8}' $STUDIO/api/v1/jobs
"""

JOB_EXAMPLE: Any = {
    "id": "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e",
    "state": "running",
    "position": 0,
    "estimate": 1.9,
    "stage": "picture",
    "step": 0,
    "steps": 0,
    "progress": 0.5,
    "submitted": 1795489200.0,
    "started": 1795489201.5,
    "finished": None,
    "elapsed": 3.4,
    "studio": "open",
    "options": {
        "alpha": 0.8, "weights": [], "color": "style", "size": 512, "network": "compact",
        "transfer": "covariance", "region": "all",
        "transparency": "flatten", "strokes": 1.0, "method": "adain", "effort": "more",
        "loss": "gram", "start": "photo",
    },
    "styles": 1,
    "masks": 0,
    "film": None,
    "batch": None,
    "parent": None,
    "width": 768,
    "height": 512,
    "original_width": 6000,
    "original_height": 4000,
    "notices": [],
    "error": None,
    "error_code": None,
    "timings": {},
    "network": "compact",
    "weights_sha256": None,
    "version": None,
    "worker": "studio-7:1",
    "device": None,
    "come_back": None,
}  # fmt: skip

Responses = dict[int | str, dict[str, Any]]

_MEANING = {
    400: ("What was sent can't be read.", Message("upload.form")),
    401: ("An API key that is none.", Message("key.unknown")),
    403: ("The administrator accepts nothing from you.", Message("visitor.blocked")),
    404: ("No such job, or not yours.", Message("job.not_found")),
    409: ("Not in this state.", Message("result.queued")),
    410: ("The picture is no longer kept.", Message("picture.not_kept")),
    413: ("The request is too large.", Message("request.picture_too_large", limit=25)),
    415: ("Not a form.", Message("job.form")),
    416: ("No such part.", Message("response.no_part", size=1_000_000)),
    422: ("Refused.", Message("options.alpha")),
    429: ("Too much at once.", Message("limit.listening", limit=20)),
    503: ("The database or the storage is away.", Message("database.unavailable")),
    507: ("The storage is full.", Message("storage.full")),
}

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What is wrong (RFC 9457). Told apart by `code` or by `type`, not by `detail`.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "`/api/v1/problems/` and the code; `about:blank` where there is none.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {
            "type": "string",
            "description": "One sentence for people, in the language of `Content-Language`.",
        },
        "code": {"type": "string", "description": "What is wrong; stays the same."},
        "params": {
            "type": "object",
            "description": "What fills the gaps of the sentence, by name: text, numbers, lists of "
            "text, or again a `code` with `params`.",
        },
    },
}


def _problem(status: int) -> dict[str, Any]:
    meaning, message = _MEANING[status]
    example: dict[str, Any] = {
        "type": TYPES + message.code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(message),
        **message.dump(),
    }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": meaning, "content": {"application/problem+json": problem}}


def problems(*statuses: int) -> Responses:
    """Return what a route declares for the errors it may answer with."""
    return {status: _problem(status) for status in statuses}


def _fill(schema: dict[str, Any], example: Any, schemas: dict[str, Any]) -> None:  # noqa: ANN401
    """Put back the nulls of an example, which FastAPI drops."""
    schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(example, dict) and "properties" in schema:
        for name, part in schema["properties"].items():
            if name in schema.get("required", ()):
                _fill(part, example.setdefault(name), schemas)
    elif isinstance(example, list):
        for each in example:
            _fill(schema.get("items", {}), each, schemas)


def _complete(document: dict[str, Any]) -> None:
    """Write into the document what all operations have in common."""
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = _PROBLEM
    for theirs in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(theirs, None)  # ours are problems
    for schema in parts["schemas"].values():
        for example in schema.get("examples", ()):
            _fill(schema, example, parts["schemas"])
    parts["securitySchemes"] = {
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "Comes with the first answer, lasts a year. Without it you are "
            "somebody new. Over https it is called `__Host-studio`, or `__Secure-studio-` and 8 "
            "characters where the studio lies under a path.",
        },
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that its owner made at /api/v1/me/keys.",
        },
    }
    for hooks in document.get("webhooks", {}).values():
        for hook in hooks.values():
            hook["responses"].pop("422", None)  # theirs, and what a receiver says is its own
    for path, operations in document["paths"].items():
        if path.startswith("/api/"):
            for operation in operations.values():
                operation["security"] = [{"cookie": []}, {"key": []}, {}]
                sent = operation.get("requestBody", {}).get("content", {})
                unreadable = {400} if "application/json" in sent else set[int]()
                for status in sorted({401, 422, 503} | unreadable):
                    operation["responses"][str(status)] = _problem(status)


def methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods that the application describes for an address; none: there is none."""
    described = app.openapi()["paths"]
    found = [known for known in described if compile_path(known)[0].fullmatch(path)]
    meant = path if path in found else min(found, default=None)  # the plain one before {id}
    return sorted(map(str.upper, described.get(meant, ())))


def describe(app: FastAPI) -> None:
    """Make the application's description of itself complete."""
    plain = app.openapi

    def full() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(plain())
        return plain()

    app.openapi = full  # type: ignore[method-assign]
