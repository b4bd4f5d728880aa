"""The parts every test may ask for: real ones, thrown away afterwards."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import Setting, Valkey, forget_caches, free_port
from worker import database, settings


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


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A queue server of the test's own, to be stopped and frozen; not started yet."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder)
    yield server
    server.stop()


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    """Set settings by name, for this test: setting(max_attempts=2)."""
    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)

    def set_them(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(settings.PREFIX + name.upper(), str(value))
        forget_caches()

    yield set_them
    forget_caches()


@pytest.fixture
def studio(tmp_path: Path, setting: Setting) -> Path:
    """A studio with an empty SQLite database and nobody at the queue; its data folder."""
    data = tmp_path / "data"
    setting(data=data, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    database.migrate()
    return data


@pytest.fixture
def rung(studio: Path, valkey: Valkey, setting: Setting) -> Path:
    """A studio whose queue works; its data folder."""
    setting(redis_url=valkey.url)
    return studio
