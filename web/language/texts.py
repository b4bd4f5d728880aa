"""The page's texts: one file a language, chosen by cookie, then by Accept-Language."""

import gzip
import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import HTTPConnection

from adain.catalog import METHODS, NETWORKS, Color

FOLDER = Path(__file__).parent / "texts"
LANGUAGES = ENGLISH, KOREAN = "en", "ko"
COOKIE = "language"

router = APIRouter(include_in_schema=False)


@cache
def words(language: str) -> dict[str, str]:
    """Return a language's texts by their names."""
    read: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return read


def how(method: str, effort: str) -> str:
    """Return the page's choice that a method and an effort are: adain, refine-little."""
    return f"{method}-{effort}" if METHODS[method].steps else method


def hows() -> list[str]:
    """Return the page's choices of a method."""
    return [
        how(name, effort) for name, known in METHODS.items() for effort in (known.steps or [""])
    ]


def _accepted(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, best first; nonsense comes last."""
    accepted = []
    for part in header.split(",")[:20]:
        name, _, quality = part.strip().partition(";q=")
        try:
            accepted.append((float(quality or 1), name.partition("-")[0].lower()))
        except ValueError:
            accepted.append((0.0, ""))
    return [name for _, name in sorted(accepted, key=lambda one: -one[0])]


def language_of(request: HTTPConnection) -> str:
    """Return the language of the visitor."""
    wanted = [
        request.cookies.get(COOKIE, ""),
        *_accepted(request.headers.get("accept-language", "")),
    ]
    return next((language for language in wanted if language in LANGUAGES), ENGLISH)


@lru_cache(maxsize=2 * len(LANGUAGES))
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


Spoken = Annotated[str, Depends(language_of)]  # the language of who asks a route


@router.get("/texts.js")
def script(request: Request) -> Response:
    """Return the texts as a module for the page's scripts, with the names of all choices."""
    language = language_of(request)
    named = {"language": language, "networks": [*NETWORKS], "colors": [*Color], "hows": hows()}
    lines = [f"export const {name} = {json.dumps(value)};\n" for name, value in named.items()]
    reported = json.dumps(words(language), ensure_ascii=False)
    body = f"{''.join(lines)}export default {reported};\n".encode()
    headers = {
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language, Cookie, Accept-Encoding",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = _compressed(body), headers | {"Content-Encoding": "gzip"}
    return Response(body, media_type="text/javascript", headers=headers)
