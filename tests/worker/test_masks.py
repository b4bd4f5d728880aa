"""No password in anything a process prints."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.parts import Setting, free_port
from tests.waiting import until
from worker.masks import MASK, masked

WORD = "Hush-55-hush"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no address at all", "no address at all"),
        ("at https://studio.example:8443/page", "at https://studio.example:8443/page"),
        (f"postgresql://studio:{WORD}@db/studio", f"postgresql://studio:{MASK}@db/studio"),
        (f"postgresql+psycopg://u:{WORD}@db", f"postgresql+psycopg://u:{MASK}@db"),
        (f"redis://:{WORD}@q:6379/0 is away", f"redis://:{MASK}@q:6379/0 is away"),
        (f"REDIS://:a@{WORD}/b@q", f"REDIS://:{MASK}@q"),
        (f"('s3://key:{WORD}@store', 1)", f"('s3://key:{MASK}@store', 1)"),
        (f"host=db password={WORD} port=1", f"host=db password={MASK} port=1"),
        (f"PGPASSWORD={WORD} A_SECRET={WORD}", f"PGPASSWORD={MASK} A_SECRET={MASK}"),
        (f"POSTGRES_PASSWORD={WORD} compass=north", f"POSTGRES_PASSWORD={MASK} compass=north"),
        (f"host=db password='a {WORD}' port=1", f"host=db password={MASK} port=1"),
        (f"postgresql://db/x?password={WORD}&a=b", f"postgresql://db/x?password={MASK}&a=b"),
    ],
)
def test_a_password_in_an_address_is_masked(text: str, said: str) -> None:
    assert masked(text) == said


@pytest.mark.parametrize("part", ["a", "a://", "a://x:", "pass='", "://x:a@", "a://x:b "])
def test_a_long_text_of_a_visitor_is_masked_in_linear_time(part: str) -> None:
    """A time that grows with its square would be minutes."""
    assert len(masked(part * (200_000 // len(part)))) > 0


def said_by(word: str, seconds: float, **given: str) -> str:
    """Return all that a process of ours prints, ended so long after its first words at most."""
    mine = {f"STUDIO_{name.upper()}": value for name, value in given.items()}
    command = [sys.executable, "-m", "web.cli", *word.split()]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, env=os.environ | mine, stdout=said, stderr=subprocess.STDOUT
        )
        until(lambda: process.poll() is not None or os.fstat(said.fileno()).st_size)
        for end in (process.terminate, process.kill):
            try:
                process.wait(timeout=seconds)
                break
            except subprocess.TimeoutExpired:
                end()
        process.wait()
        said.seek(0)
        return said.read().decode()


@pytest.mark.parametrize(
    "word", ["up", "web", "worker", "sweep", "migrate", "settings", "check web", "check sweep",
             "backup x.tar"],
)  # fmt: skip
def test_a_database_that_is_away_is_named_without_its_password(
    setting: Setting, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    away = f"127.0.0.1:{free_port()}"
    said = said_by(
        word,
        15,
        database_url=f"postgresql://studio:{WORD}@{away}/none?sslpassword={WORD}",
        redis_url=f"redis://:{WORD}@{away}/0",
        port=str(free_port()),
        log_level="DEBUG",
    )
    assert said
    assert WORD not in said


@pytest.mark.parametrize(
    "given",
    [
        {"database_url": f"mysql://studio:{WORD}@db/studio"},
        {"database_url": f"postgresql://studio:a@{WORD}@db/studio"},
        {"database_url": f"postgresql://studio:{WORD}@db:port/studio"},
        {"redis_url": f"redis://:a/{WORD}@queue/0"},
        {"redis_url": f"redis://:{WORD} b@queue:port/0"},
        {"blobs_url": f"nothing://key:{WORD}@store/pictures"},
        {"otlp_endpoint": f"http://key:{WORD}@[collector"},
        {"admin_secret": WORD},
        {"cookie_secret": WORD},
    ],
    ids=str,
)
def test_an_invalid_setting_is_reported_without_its_password(
    setting: Setting, given: dict[str, str]
) -> None:
    assert WORD not in said_by("web", 30, port=str(free_port()), **given)


def test_every_command_prints_through_the_mask(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """An unexpected error ends in a traceback, which is masked as well."""
    fails = f"raise RuntimeError('postgresql://u:{WORD}@db')"
    code = f"from web import cli\ndef app(): {fails}\ncli.app = app; cli.main()"
    subprocess.run([sys.executable, "-c", code])
    said = capfd.readouterr().err
    assert "RuntimeError: postgresql://u:********@db" in said
    assert WORD not in said.partition("RuntimeError")[2]
