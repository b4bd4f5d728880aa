"""The API's answers as TypeScript declarations, for the check of the page's scripts.

`python -m tests.lint.api_types` writes tests/lint/frontend/api.d.ts from the OpenAPI schema.
"""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from web import app
from web.operations import admin, review

FILE = Path(__file__).parent / "frontend" / "api.d.ts"
HEAD = "/* The API's answers; written by `python -m tests.lint.api_types`. */\n\n"
PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean"}
FIELDS = {"options": "Options"}  # kept in rows as JSON, so the schema says `object`


def _schema(made: FastAPI) -> dict[str, Any]:
    found: dict[str, Any] = made.openapi()["components"]["schemas"]
    return found


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")]))
    match schema.get("type"):
        case "array":
            return f"Array<{_type(schema.get('items', {}))}>"
        case "object":
            values = schema.get("additionalProperties", {})
            return f"Record<string, {_type(values) if isinstance(values, dict) else 'unknown'}>"
        case "null":
            return "null"
        case name:
            return PLAIN.get(str(name), "unknown")


def _declared(name: str, schema: dict[str, Any]) -> str:
    fields = schema.get("properties")
    if fields is None:
        return f"  type {name} = {_type(schema)};\n"
    lines = "".join(f"    {key}: {FIELDS.get(key) or _type(one)};\n" for key, one in fields.items())
    return f"  interface {name} {{\n{lines}  }}\n"


def declarations() -> str:
    """Return the declarations of every answer and body, of the public API and the admin's."""
    admins = FastAPI()
    admins.include_router(admin.api)
    admins.include_router(review.router)
    schemas = _schema(admins) | _schema(app.without_page())
    body = "".join(_declared(name, schemas[name]) for name in sorted(schemas))
    return f"{HEAD}declare namespace Api {{\n{body}}}\n"


if __name__ == "__main__":
    FILE.write_text(declarations(), "utf-8")
