"""The API's page, /api: what OpenAPI says of it, for people. HTML of ours, made here.

Every text of the document goes in escaped. Knows no operation by name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from web.language import texts
from web.language.texts import Spoken
from web.security.public_path import under

router = APIRouter(include_in_schema=False)

Node = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
REST = "more"  # the group of operations without a tag

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · AdaIN Studio</title>
<link rel="icon" href="page/icons/icon.svg">
<link rel="stylesheet" href="page/core/tokens.css">
<link rel="stylesheet" href="page/core/base.css">
<link rel="stylesheet" href="page/reference/reference.css">
<script type="module" src="page/reference/reference.js"></script>
</head>
<body class="alone">
<main id="reference">
<header class="masthead"><h1>{title}</h1><nav class="views"><a href="./">{back}</a>
<a href="{document}">OpenAPI</a></nav></header>
<div lang="en">{intro}</div>
<nav class="tags" aria-label="{groups}">{links}</nav>
<div lang="en">{sections}</div>
</main>
</body>
</html>
"""


# ---------------------------------------------------------------- text


def _inline(text: str) -> str:
    """Return a text as HTML, with `code` and **bold**."""
    found = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", found)


def _code(text: str) -> str:
    return f'<pre tabindex="0">{escape(text)}</pre>'


def _prose(text: str) -> str:
    """Return paragraphs as HTML; one whose lines are all indented is code."""
    parts = [part for part in text.strip("\n").split("\n\n") if part.strip()]
    return "".join(
        _code("\n".join(line[4:] for line in part.splitlines()))
        if all(line.startswith("    ") for line in part.splitlines())
        else f"<p>{_inline(part)}</p>"
        for part in parts
    )


# ---------------------------------------------------------------- schemas


class Document:
    """An OpenAPI document, whose references it follows."""

    def __init__(self, document: Node) -> None:
        self._schemas: Node = document["components"]["schemas"]

    def schema(self, given: Node) -> Node:
        """Return a schema itself where a reference to it is given."""
        name = str(given.get("$ref", "")).rpartition("/")[2]
        return dict(self._schemas[name]) if name else given

    def kind(self, given: Node) -> str:
        """Return a schema's type in a word or two."""
        if "$ref" in given:
            return str(given["$ref"]).rpartition("/")[2]
        if several := given.get("anyOf"):
            return " or ".join(self.kind(one) for one in several)
        if given.get("type") == "array":
            return f"list of {self.kind(given.get('items', {}))}"
        named = ", ".join(map(str, given.get("enum", ())))
        return named or str(given.get("format") or given.get("type") or "any")

    def example(self, given: Node) -> str:
        """Return an example of a schema as JSON; "": there is none."""
        schema = self.schema(given)
        if schema.get("type") == "array":
            inside = self.example(schema.get("items", {}))
            return f"[{inside}]" if inside else ""
        found = schema.get("examples", ())
        return json.dumps(found[0], indent=2, ensure_ascii=False) if found else ""


# ---------------------------------------------------------------- operations


def _row(name: str, kind: str, text: str, needed: bool) -> str:
    """Return a parameter or field; a question mark says that it may be left out."""
    called = escape(name if needed else f"{name}?")
    return f"<dt><code>{called}</code> {escape(kind)}</dt><dd>{_inline(text)}</dd>"


def _parameters(document: Document, operation: Node) -> str:
    rows = [
        _row(
            one["name"],
            f"{document.kind(one.get('schema', {}))} ({one['in']})",
            one.get("description") or one.get("schema", {}).get("description", ""),
            bool(one.get("required")),
        )
        for one in operation.get("parameters", ())
    ]
    return f"<dl>{''.join(rows)}</dl>" if rows else ""


def _fields(document: Document, given: Node) -> str:
    schema = document.schema(given)
    needed = schema.get("required", ())
    rows = [
        _row(name, document.kind(one), one.get("description", ""), name in needed)
        for name, one in schema.get("properties", {}).items()
    ]
    return f"<dl>{''.join(rows)}</dl>" if rows else ""


def _body(document: Document, operation: Node) -> str:
    """Return what is sent: its media type and its fields, or an example of it."""
    content: Node = operation.get("requestBody", {}).get("content", {})
    return "".join(
        f"<h4>{escape(media)}</h4>{_fields(document, one['schema'])}"
        + (_code(example) if (example := document.example(one["schema"])) else "")
        for media, one in content.items()
    )


def _answers(document: Document, operation: Node) -> Iterator[str]:
    """Yield what is answered; errors in one line each, since they all look alike."""
    for status, answer in sorted(operation["responses"].items()):
        yield f"<p><code>{escape(status)}</code> {_inline(answer.get('description', ''))}</p>"
        for media, one in answer.get("content", {}).items():
            example = document.example(one.get("schema", {}))
            if media == "application/json" and example:
                yield _code(example)


def _operation(document: Document, path: str, method: str, operation: Node) -> str:
    text = operation.get("description") or operation.get("summary", "")
    first, _, rest = text.partition("\n\n")
    name = f"<code>{method.upper()}</code> <code>{escape(path)}</code>"
    parts = [_prose(rest), _parameters(document, operation), _body(document, operation)]
    inside = "".join(parts) + "".join(_answers(document, operation))
    called = escape(str(operation.get("operationId", "")))
    summary = f"<summary>{name} <span>{_inline(first)}</span></summary>"
    return f'<details id="{called}">{summary}{inside}</details>'


def _groups(document: Node) -> dict[str, list[str]]:
    """Return the operations as HTML, by tag; those that an ended job calls last."""
    schemas, found = Document(document), dict[str, list[str]]()
    for place, paths in (("paths", document["paths"]), ("webhooks", document.get("webhooks", {}))):
        for path, operations in paths.items():
            for method in filter(operations.__contains__, METHODS):
                given = operations[method]
                tag = "webhooks" if place == "webhooks" else (given.get("tags") or [REST])[0]
                found.setdefault(tag, []).append(_operation(schemas, path, method, given))
    return found


def page(document: Node, language: str, address: str) -> str:
    """Return the page of an OpenAPI document that lies at an address."""
    words, groups = texts.words(language), _groups(document)
    return _PAGE.format(
        language=language,
        title=escape(words["api.title"]),
        back=escape(words["studio.back"]),
        groups=escape(words["api.groups"]),
        document=escape(address),
        intro=_prose(document["info"].get("description", "")),
        links="".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in groups),
        sections="".join(
            f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>{"".join(made)}</section>'
            for tag, made in groups.items()
        ),
    )


@router.get("/api")
def shown(request: Request, language: Spoken) -> HTMLResponse:
    """Return the page of the API."""
    made = page(request.app.openapi(), language, under(str(request.app.openapi_url)))
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(made, headers=headers)
