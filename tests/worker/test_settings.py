import stat
import threading
from pathlib import Path

import pytest

from tests.parts import Setting
from worker import cookie_secrets, settings
from worker.settings import BadSetting, Settings


def test_everything_lies_in_the_data_folder_unless_said_otherwise(
    setting: Setting, tmp_path: Path
) -> None:
    setting(data=tmp_path)
    found = settings.settings()
    assert found.database_url == f"sqlite:///{tmp_path}/studio.sqlite3"
    assert found.blobs_url == f"file://{tmp_path}/blobs"
    assert found.weights_dir == tmp_path / "weights"


def test_a_relative_data_folder_stays_where_it_is_when_a_process_moves(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    setting(data="here")
    found = settings.settings()
    monkeypatch.chdir("/")
    assert found.data == tmp_path / "here"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "seven"),
        ("worker_concurrency", "0"),
        ("network", "huge"),
        ("redis_url", "http://somewhere"),
        ("database_url", "mysql://somewhere/else"),
        ("database_url", "no address"),
        ("lease_seconds", "-1"),
        ("heartbeat_seconds", "14"),
    ],
)
def test_an_invalid_setting_ends_the_process_and_is_named(
    setting: Setting, name: str, value: str
) -> None:
    setting(**{name: value})
    with pytest.raises(BadSetting, match=f"STUDIO_{name.upper()}"):
        settings.settings()


def test_a_misspelt_setting_is_not_overlooked(setting: Setting) -> None:
    setting(max_uplaod_bytes=1)
    with pytest.raises(BadSetting, match="STUDIO_MAX_UPLAOD_BYTES: no such setting"):
        settings.settings()


def test_addresses_as_managed_databases_give_them_are_taken(setting: Setting) -> None:
    setting(database_url="postgres://me@db/studio")
    assert settings.settings().database_url == "postgresql://me@db/studio"


def test_the_cores_are_shared_among_the_jobs(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    setting(worker_concurrency=3)
    assert settings.settings().threads == 2
    setting(worker_threads=5)
    assert settings.settings().threads == 5


def test_the_cookie_secret_is_made_once_and_no_other_user_may_read_it(
    setting: Setting, tmp_path: Path
) -> None:
    setting(data=tmp_path / "data")
    made = cookie_secrets.signing()
    setting(data=tmp_path / "data")
    assert cookie_secrets.signing() == made
    assert len(made) == 64
    [file] = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_given_cookie_secret_wins_and_is_not_shown(setting: Setting, tmp_path: Path) -> None:
    setting(data=tmp_path, cookie_secret="known to all replicas")
    assert cookie_secrets.signing() == "known to all replicas"
    assert "known" not in repr(settings.settings())


@pytest.mark.parametrize("name", ["admin_secret", "metrics_token"])
def test_a_short_secret_that_opens_something_ends_the_process_and_is_not_shown(
    setting: Setting, name: str
) -> None:
    setting(**{name: "fifteen letters"})
    with pytest.raises(BadSetting, match=f"STUDIO_{name.upper()}=…: wanted at least 16 char"):
        settings.settings()
    setting(**{name: "sixteen  letters"})
    assert settings.settings()


def test_several_cookie_secrets_are_read_and_the_first_signs(setting: Setting) -> None:
    setting(cookie_secret="first, second ,,third")
    assert cookie_secrets.signing() == "first"
    assert cookie_secrets.readable() == ("first", "second", "third", "first, second ,,third")


@pytest.mark.parametrize(
    ("given", "weak"),
    [
        ("x", True),
        ("fifteen letters", True),
        ("a" * 40, True),
        ("0123456789abcdef01234567, x", True),
        ("0123456789abcdef01234567", False),
        ("0123456789abcdef01234567,fedcba98765432100123", False),
        ("", False),
    ],
)
def test_a_weak_cookie_secret_in_use_warns_and_is_not_shown(
    setting: Setting, given: str, weak: bool
) -> None:
    setting(cookie_secret=given)
    said = cookie_secrets.warnings()
    assert bool(said) is weak
    assert not any(given in sentence for sentence in said if len(given) > 1)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://studio:pa55word@db/studio",
        "postgresql://studio:pa55@word@db/studio",
        "postgresql://studio:pa55word@db:none/studio",
        "postgresql//studio:pa55word@db/studio",
        "postgres and pa55 word@db",
    ],
)
def test_an_address_that_can_not_be_used_is_refused_without_its_password(
    setting: Setting, url: str
) -> None:
    setting(database_url=url)
    with pytest.raises(BadSetting, match="STUDIO_DATABASE_URL") as refused:
        settings.settings()
    assert "pa55" not in str(refused.value)
    assert "word@" not in str(refused.value).replace("user:word@host", "")


@pytest.mark.parametrize("url", ["http://:pa55word@q/0", "redis://:pa55/word@q/0"])
def test_a_queue_that_can_not_be_used_is_refused_without_its_password(
    setting: Setting, url: str
) -> None:
    setting(redis_url=url)
    with pytest.raises(BadSetting, match="STUDIO_REDIS_URL") as refused:
        settings.settings()
    assert "pa55" not in str(refused.value)


def test_a_thread_that_read_the_settings_before_a_test_set_them_does_not_keep_the_old_ones(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(method_steps=5)
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Settings):
        def __init__(self) -> None:
            super().__init__()
            if threading.current_thread() is thread:
                begun.set()
                go_on.wait()

    def read() -> None:
        settings.settings()
        begun.set()

    monkeypatch.setattr(settings, "Settings", Slow)
    thread = threading.Thread(target=read)
    thread.start()
    begun.wait()
    setting(method_steps=3)
    go_on.set()
    thread.join()
    assert settings.settings().method_steps == 3
