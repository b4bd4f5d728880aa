"""What the previous revision left, ready to be upgraded; see tests/data/make_ef70aa7.py."""

import hashlib
import json
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import Connection, Engine, Float, MetaData, create_engine, insert, select, update

from tests.parts import Setting, free_port
from worker import cookie_secrets
from worker.storage import database

FOLDER = Path(__file__).parent / "data" / "ef70aa7"
REVISION = "0014"  # of its tables
LEFT: dict[str, Any] = json.loads((FOLDER / "left.json").read_text())
STOPPED = 3600.0  # seconds ago, as far as the rows tell
EPOCH = 1e9  # what is more is a time and no duration

_WEB = (
    "import uvicorn; from web import app; "
    "uvicorn.run(app.without_page(), port={port}, log_level='warning')"
)


# ---------------------------------------------------------------- its data


def unpack(name: str, folder: Path) -> None:
    with tarfile.open(FOLDER / name) as tar:
        tar.extractall(folder, filter="data")


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _set_clock(connection: Connection) -> None:
    """Move every time in the rows, so that the studio was stopped an hour ago."""
    passed = time.time() - STOPPED - LEFT["made"]
    for table in _tables(connection).tables.values():
        for column in table.columns:
            if isinstance(column.type, Float):
                moved = update(table).where(column > EPOCH).values({column: column + passed})
                connection.execute(moved)


def _copy(source: Engine, target: Engine) -> None:
    """Copy all rows into tables of the same revision."""
    with source.connect() as reading, target.begin() as writing:
        known = _tables(writing).tables
        for table in _tables(reading).sorted_tables:
            writing.execute(known[table.name].delete())
            if rows := [dict(row) for row in reading.execute(select(table)).mappings()]:
                writing.execute(insert(known[table.name]), rows)


def put(folder: Path, setting: Setting, database_url: str = "") -> None:
    """Put the studio into a folder, its rows into an empty PostgreSQL if one is given."""
    unpack("data.tar.xz", folder)
    setting(data=folder)
    with database.engine().begin() as connection:
        _set_clock(connection)
    if database_url:
        source = create_engine(f"sqlite:///{folder}/studio.sqlite3")
        setting(database_url=database_url)
        database.migrate(REVISION)
        _copy(source, database.engine())
        source.dispose()
        (folder / "studio.sqlite3").unlink()


# ---------------------------------------------------------------- its visitors


def _signed_again(cookie: str) -> str:
    """Return a cookie of the studio as signed an hour ago; raises BadSignature for another's."""
    signer = URLSafeTimedSerializer(cookie_secrets.signing(), salt="owner")
    return str(signer.dumps(signer.loads(cookie)))


def browser(address: str, name: str) -> httpx.Client:
    """Return a visitor with the cookie from before."""
    cookies = {"studio": _signed_again(LEFT["visitors"][name]["cookie"])}
    return httpx.Client(base_url=f"{address}/api/v1", cookies=cookies, timeout=60)


def program(address: str, name: str) -> httpx.Client:
    """Return a visitor's program with the key from before."""
    headers = {"Authorization": f"Bearer {LEFT['visitors'][name]['key']}"}
    return httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60)


def _opened(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    picture = answer.headers["content-type"].startswith("image/")
    digest = hashlib.sha256(answer.content).hexdigest() if picture else None
    return {"path": path, "status": answer.status_code, "sha256": digest}


def check_opens(client: httpx.Client, opens: list[dict[str, Any]]) -> None:
    """Fail unless everything opens, or is refused, as before; what is made since may open too."""
    for before in opens:
        now = _opened(client, before["path"])
        assert now == before or (before["status"], now["status"]) == (409, 200)


# ---------------------------------------------------------------- its program


def put_program(folder: Path) -> None:
    """Put the previous program into a folder, with our weights."""
    unpack("code.tar.xz", folder)
    weights = Path(__file__).parents[1] / "adain" / "weights"
    (folder / "adain" / "weights").rmdir()
    (folder / "adain" / "weights").symlink_to(weights)


@contextmanager
def running(folder: Path, *parts: str) -> Iterator[str]:
    """Run parts of the previous program (web, worker, sweep); yields the web's address."""
    put_program(folder)
    port = free_port()
    code = {
        "web": _WEB.format(port=port),
        "worker": "from worker import tasks; tasks.work()",
        "sweep": "import threading; from worker import sweep; sweep.run(threading.Event())",
    }
    started = [psutil.Popen([sys.executable, "-c", code[part]], cwd=folder) for part in parts]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in started:
            for one in [*process.children(recursive=True), process]:
                one.kill()
            process.wait()
