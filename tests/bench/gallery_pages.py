"""How long a page of the gallery takes with many entries: `python -m tests.bench.gallery_pages`.

Makes the entries in a studio of its own, with SQLite in a throw-away folder or in the empty
PostgreSQL database named, asks the real application over loopback, and prints milliseconds.
"""

import http.client
import io
import json
import os
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
import uuid_utils
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import insert

from adain.catalog import Color
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.gallery.model import Entry
from worker.jobs import Job, Status
from worker.storage import blobs, database

OWNER = "the owner of all of them"
WORDS = ["sea", "wood", "night", "fjord", "glass", "ink", "evening", "cat", "rocket", "coffee"]
DIGESTS = [f"{place:064x}" for place in range(10)]
COLOURS = ("teal", "navy", "tomato", "gold")  # of thumbnails
TIMES = 40
LIMIT = 100.0  # milliseconds


def _made(place: int, dice: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of a job and its entry; a hundred owners but for every other entry."""
    job_id, finished = str(uuid_utils.uuid7()), 1.7e9 + place * 60
    color, size = dice.choice([*Color]), dice.choice([0, 256, 512, 768, 1024])
    network = "vgg19" if place % 50 == 1 else "compact"
    options = {"alpha": 0.8, "weights": [], "color": color, "size": size, "network": network}
    title, tags = " ".join(dice.sample(WORDS, 3)), dice.sample(WORDS, 2)
    job = {
        "id": job_id,
        "owner": OWNER if place % 2 else f"owner {place % 100}",
        "status": Status.DONE,
        "options": options,
        "content_key": f"{job_id}/content.jpg",
        "style_keys": [f"{job_id}/style-0.jpg"],
        "mask_keys": [],
        "style_digests": [dice.choice(DIGESTS)],
        "content_width": 512,
        "content_height": 384,
        "submitted": finished - 2,
        "started": finished - 1,
        "finished": finished,
        "network": network,
        "weights_sha256": "ab" * 32,
        "result_key": f"{job_id}/result-1.png",
        "thumbnail_key": f"{job_id}/thumbnail-1.jpg",
    }
    entry = {
        "job_id": job_id,
        "title": title,
        "title_words": title,
        "tags": tags,
        "tag_words": " ".join(tags),
        "favourite": place % 30 == 1,
        "published": finished + 5 if place % 4 else None,
        "lends_styles": place % 2 == 1,
    }
    return job, entry


@cache
def _thumbnail(color: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(out, "WEBP")
    return out.getvalue()


def fill(rows: int, *, thumbnails: bool = False) -> None:
    """Make so many finished jobs with entries; half of them have one owner, `OWNER`."""
    dice = random.Random(0)
    made = [_made(place, dice) for place in range(rows)]
    for job, _ in made if thumbnails else ():
        blobs.put(job["thumbnail_key"], _thumbnail(dice.choice(COLOURS)))
    with database.transaction() as session:
        session.execute(insert(Job), [job for job, _ in made])
        session.execute(insert(Entry), [entry for _, entry in made])


def _api() -> FastAPI:
    from web import app

    return app.without_page()


@contextmanager
def served(made: Callable[[], FastAPI] = _api) -> Iterator[tuple[str, int]]:
    """Run an application, the API if none is named, on a free port of loopback."""
    import uvicorn

    # The protocol by name, or asyncio leaves Nagle's algorithm on: 40 ms an answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(made(), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


class Asking:
    """A visitor with the owner's cookie and one connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._wire = http.client.HTTPConnection(*address)
        self._cookie = {"Cookie": f"{COOKIE}={sign(OWNER)}"}

    def get(self, path: str) -> dict[str, Any]:
        """Return an answer."""
        self._wire.request("GET", path, headers=self._cookie)
        answer = self._wire.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {text.decode()}")
        found: dict[str, Any] = json.loads(text)
        return found

    def page(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return a page of 24."""
        return self.get(f"/api/v1/gallery?{urlencode(asked)}")

    def deep(self, scope: str, pages: int) -> str:
        """Return the cursor of the page after so many."""
        cursor = self.page({"scope": scope, "limit": 100})["next"]
        for _ in range(pages - 1):
            cursor = self.page({"scope": scope, "limit": 100, "cursor": cursor})["next"]
        return str(cursor)


def questions(asking: Asking, rows: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is asked, those that find little or nothing (and so look at all) included."""
    middle = max(1, rows // 400)
    for scope in ("mine", "public"):
        yield "first page", {"scope": scope}
        yield "oldest first", {"scope": scope, "order": "oldest"}
        yield "page in the middle", {"scope": scope, "cursor": asking.deep(scope, middle)}
        yield "the same by its number", {"scope": scope, "page": middle * 100 // 24}
        yield "words, by number", {"scope": scope, "text": "sea night", "page": 1}
        yield "words", {"scope": scope, "text": "sea night"}
        yield "words in none", {"scope": scope, "text": "nowhere"}
        yield "style", {"scope": scope, "style": DIGESTS[3]}
        yield "style of none", {"scope": scope, "style": "f" * 64}
        yield "color and size", {"scope": scope, "color": "content", "size": 256}
        yield "size of none", {"scope": scope, "size": 333}
        yield "network", {"scope": scope, "network": "vgg19"}
        yield "dates with none", {"scope": scope, "since": 1.0, "until": 2.0}
    yield "favourites", {"scope": "mine", "favourite": "true"}


def _line(name: str, ask: Callable[[], dict[str, Any]]) -> float:
    """Ask, print a line, and return the milliseconds that 95 % stay under."""
    found, took = len(ask().get("entries", [])), []
    for _ in range(TIMES):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    late = statistics.quantiles(took, n=20)[-1]
    print(f"{name:32}{found:6}{statistics.median(took):9.1f}{late:9.1f}")
    return late


def _measure(rows: int) -> None:
    database.migrate()
    if any(jobs.counts().values()):
        raise SystemExit("This database has jobs in it; name an empty one.")
    fill(rows)
    print(f"{rows} entries, {database.engine().dialect.name}, pages of 24, {TIMES} times each")
    print(f"{'':32}{'found':>6}{'median':>9}{'95 %':>9}  ms")
    with served() as address:
        asking = Asking(address)
        _line("no page at all: /livez", lambda: asking.get("/livez"))
        slowest = max(
            _line(f"{asked['scope']}: {name}", lambda asked=asked: asking.page(asked))  # type: ignore[misc]
            for name, asked in questions(asking, rows)
        )
    print(f"slowest 95 %: {slowest:.1f} ms; wanted: under {LIMIT:g} ms")


def main(
    rows: Annotated[int, typer.Option(help="how many entries")] = 10_000,
    database_url: Annotated[str, typer.Option(help="an empty PostgreSQL database")] = "",
) -> None:
    """Print how long a page of the gallery takes."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STUDIO_DATA"] = folder
        if database_url:
            os.environ["STUDIO_DATABASE_URL"] = database_url
        _measure(rows)
        database.engine().dispose()


if __name__ == "__main__":
    typer.run(main)
