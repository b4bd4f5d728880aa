import hashlib
import http.server
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread

import psutil
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from adain.model.builders import build
from tests.parts import Setting, free_port, picture
from tests.waiting import until
from web import cli
from worker import jobs
from worker.settings import Settings
from worker.storage import blobs, processes

WORDS = ("up", "web", "worker", "sweep", "migrate", "doctor", "settings", "weights")


def call(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def start(word: str) -> subprocess.Popen[bytes]:
    """Start a word as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "web.cli", word], env=dict(os.environ))


def listens(process: int, port: int) -> bool:
    return any(one.laddr.port == port for one in psutil.Process(process).net_connections())


def said(result: Result) -> str:
    """What the user reads when it goes wrong: the sentence the process ends with."""
    assert result.exit_code == 1
    return result.output + str(result.exception)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A file with random weights of compact."""
    torch.manual_seed(0)
    save_file(build("compact").state_dict(), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


@pytest.fixture
def site(network: Path) -> Iterator[str]:
    """The address of a web server that offers the file."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=network.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{network.name}"
        server.shutdown()


def test_help_lists_the_words() -> None:
    listed = call("--help").output
    assert all(f"  {word} " in listed for word in WORDS)


def test_help_loads_nothing_that_is_slow() -> None:
    slow = {"torch", "gradio", "celery", "sqlalchemy", "fastapi", "pydantic"}
    code = f"import sys, web.cli; print(*({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_settings_lists_every_one_with_value_default_and_meaning(setting: Setting) -> None:
    setting(port=7999)
    listed = call("settings").output
    assert "# port the web server listens on (default: 7860)\nSTUDIO_PORT=7999\n" in listed
    assert "STUDIO_HTTPS_ONLY=false\n" in listed
    for name, field in Settings.model_fields.items():
        assert f"\nSTUDIO_{name.upper()}=" in f"\n{listed}"
        assert field.description
        assert field.description in listed


def test_settings_follow_the_data_folder_and_say_so(setting: Setting, tmp_path: Path) -> None:
    setting(data=tmp_path)
    assert f"STUDIO_WEIGHTS_DIR={tmp_path}/weights\n" in call("settings").output


def test_settings_hide_secrets_and_passwords(setting: Setting) -> None:
    setting(
        cookie_secret="hushhush",
        redis_url="redis://:hushhush@queue:6379/0",
        database_url="postgresql://studio:hushhush@database/studio",
    )
    result = call("settings")
    listed = result.stdout
    assert "hushhush" not in result.output
    assert "# warning: STUDIO_COOKIE_SECRET is weak" in result.stderr
    assert "STUDIO_DATABASE_URL=postgresql://studio:********@database/studio" in listed
    assert "STUDIO_COOKIE_SECRET=*" in listed


def test_a_bad_setting_names_itself(setting: Setting) -> None:
    setting(port="seven")
    assert "STUDIO_PORT='seven'" in said(call("settings"))


def test_a_mistyped_setting_is_refused(monkeypatch: pytest.MonkeyPatch, setting: Setting) -> None:
    monkeypatch.setenv("STUDIO_PROT", "7999")
    setting()
    assert "STUDIO_PROT: no such setting" in said(call("settings"))


def test_migrate_makes_the_tables_and_may_be_repeated(setting: Setting, tmp_path: Path) -> None:
    setting(data=tmp_path / "data")
    assert start("migrate").wait(timeout=120) == 0
    assert start("migrate").wait(timeout=120) == 0
    assert processes.alive("worker") == []


def test_the_sweep_runs_until_it_is_stopped(studio: Path) -> None:
    sweep = start("sweep")
    try:
        until(lambda: processes.alive("sweep") or sweep.poll() is not None)
        assert sweep.poll() is None
        sweep.send_signal(signal.SIGTERM)
        assert sweep.wait(timeout=120) == 0
        assert processes.alive("sweep") == []
    finally:
        sweep.kill()


def test_weights_are_listed_with_their_checksum_or_how_to_get_them(studio: Path) -> None:
    listed = call("weights", "list").output
    assert "compact: " in listed
    assert "sha256 " in listed
    assert "vgg19: The weights of 'vgg19' are not in" in listed


def test_a_file_of_weights_is_added(studio: Path, network: Path) -> None:
    assert call("weights", "add", network).output == f"Added compact to {studio}/weights.\n"
    assert str(studio / "weights" / "compact.safetensors") in call("weights", "list").output


def test_what_is_no_weights_is_refused_with_a_sentence(studio: Path, tmp_path: Path) -> None:
    (tmp_path / "shopping.pth").write_text("eggs, milk")
    refused = said(call("weights", "add", tmp_path / "shopping.pth"))
    assert "shopping.pth is neither safetensors nor a PyTorch file" in refused
    assert "There is no file" in said(call("weights", "add", tmp_path / "nowhere.pth"))


def test_weights_are_fetched_when_their_sha256_is_right(
    studio: Path, network: Path, site: str
) -> None:
    sha256 = hashlib.sha256(network.read_bytes()).hexdigest()
    assert "Added compact" in call("weights", "fetch", site, "--sha256", sha256).output


def test_weights_with_another_sha256_are_not_kept(studio: Path, site: str) -> None:
    assert "sha256" in said(call("weights", "fetch", site, "--sha256", "0" * 64))
    assert not list((studio / "weights").iterdir())


def test_the_web_server_alone_answers_and_stops(studio: Path, setting: Setting) -> None:
    setting(port=(port := free_port()))
    web = start("web")
    try:
        until(lambda: web.poll() is not None or listens(web.pid, port))
        assert web.poll() is None
        web.send_signal(signal.SIGTERM)
        assert web.wait(timeout=120) in {0, -signal.SIGTERM}
    finally:
        web.kill()


def test_a_backup_and_its_restore_are_one_command_each(
    studio: Path, tmp_path: Path, setting: Setting
) -> None:
    jobs.submit("ann", picture(), [picture()])
    made = call("backup", tmp_path)
    [file] = tmp_path.glob("studio-*.tar")
    assert made.output.startswith(f"{file}: ")
    assert "1 jobs" in made.output
    assert "No back-up was made" in said(call("backup", file))
    assert "This studio is not empty" in said(call("restore", file))
    setting(data=tmp_path / "second")
    for words in ([file], [file, "--replace"]):
        assert "1 jobs" in call("restore", *words).output
        assert len(jobs.mine("ann")) == 1
    assert "no back-up of a studio" in said(call("restore", Path(__file__)))


def test_verify_checks_a_backup_and_changes_nothing(studio: Path, tmp_path: Path) -> None:
    jobs.submit("ann", picture(), [picture()])
    file = tmp_path / "one.tar"
    call("backup", file)
    assert call("verify", file).output == "Sound: 2 pictures, 1 service state, 1 jobs.\n"
    file.write_bytes(file.read_bytes().replace(b'"ann"', b'"eve"'))
    assert "rows/jobs.jsonl' in the back-up is damaged" in said(call("verify", file))
    assert jobs.mine("eve") == []


def test_verify_without_a_file_checks_the_stored_pictures(studio: Path) -> None:
    job = jobs.submit("ann", picture(), [picture()])
    assert call("verify").output == "Every picture that a row names is as it was stored.\n"
    blobs.put(job.content_key, b"damage")
    ended = call("verify")
    assert ended.output.startswith(f"{job.content_key} is not the picture that was stored.\n")
    assert said(ended).endswith("1 pictures are missing or damaged.")


def test_adopt_says_what_it_found(studio: Path) -> None:
    jobs.submit("ann", picture(), [picture()])
    found = "The database names 1 of 1 folders of pictures. They belong together now.\n"
    assert call("adopt").output == found


def test_a_drill_restores_beside_the_studio(studio: Path, tmp_path: Path) -> None:
    jobs.submit("ann", picture(), [picture()])
    call("backup", tmp_path / "one.tar")
    assert call("restore", tmp_path / "one.tar", "--drill").output.startswith(
        "Restored as a drill: "
    )
    assert "can't be restored" in said(call("restore", Path(__file__), "--drill"))


@pytest.mark.parametrize("word", ["backup", "verify", "restore"])
def test_what_goes_wrong_with_a_backup_is_a_sentence(
    tmp_path: Path, setting: Setting, word: str
) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    environment = dict(os.environ) | {"STUDIO_DATABASE_URL": url}
    ended = subprocess.run(
        [sys.executable, "-m", "web.cli", word, str(tmp_path / "nothing" / "one.tar")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip().startswith(("No back-up", "This back-up", "Nothing was"))
